"""n-gram models: Kneser–Ney by hand, distributions that sum to 1, ARPA files, text that follows the model."""

from __future__ import annotations

import gzip
import math
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import chisquare

from lexgrad.errors import InputError
from lexgrad.models import NGramLM, load
from lexgrad.models.language.comparing import compare
from lexgrad.models.language.kneser_ney import discounts_of
from lexgrad.text.corpus import Corpus

LINES = [
    "the cat sat on the mat",
    "the dog sat on the log",
    "the cat saw the dog",
    "a dog saw a cat on a log",
    "the mat saw no dog",
    "no cat sat",
]


def fitted(order: int = 3, lines: list[str] = LINES, **settings: Any) -> NGramLM:
    return NGramLM(order=order, tokens="spaces", **settings).fit(lines)


def by_hand(lines: list[str], order: int) -> dict[tuple[str, ...], float]:
    """P(last | first) of every n-gram, by the definition with dictionaries."""
    counts: list[Counter[tuple[str, ...]]] = [Counter() for _ in range(order + 1)]
    for line in lines:
        words = ["<s>", *line.split(), "</s>"]
        for n in range(1, order + 1):
            for i in range(len(words) - n + 1):
                counts[n][tuple(words[i : i + n])] += 1
    for n in range(1, order):
        distinct = Counter(gram[1:] for gram in counts[n + 1])
        counts[n] = Counter({g: counts[n][g] if g[0] == "<s>" else distinct[g] for g in counts[n]})
    del counts[1][("<s>",)]
    vocabulary = len({word for (word,) in counts[1]} | {"<unk>"})
    taken = [discounts_of(np.array(list(each.values()), np.int64)) for each in counts]  # tested below by itself

    def cut(n: int, count: int) -> float:
        return float(taken[n][min(count, 3)])

    found: dict[tuple[str, ...], float] = {}
    total = sum(counts[1].values())
    rest = sum(cut(1, count) for count in counts[1].values()) / total
    for gram, count in counts[1].items():
        found[gram] = (count - cut(1, count)) / total + rest / vocabulary
    for n in range(2, order + 1):
        groups: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for gram, count in counts[n].items():
            groups[gram[:-1]].append(count)
        for gram, count in counts[n].items():
            group = groups[gram[:-1]]
            backoff = sum(cut(n, each) for each in group) / sum(group)
            found[gram] = (count - cut(n, count)) / sum(group) + backoff * found[gram[1:]]
    return found


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_probabilities_are_those_of_the_definition(order: int) -> None:
    expected = by_hand(LINES, order)
    model = fitted(order)
    for score in model.scores(LINES):
        words = ["<s>", *score.tokens]
        for place, logarithm in enumerate(score.logarithms, 1):
            gram = tuple(words[max(0, place + 1 - order) : place + 1])
            assert math.exp(logarithm) == pytest.approx(expected[gram], rel=1e-12)


@pytest.mark.parametrize("lines", [["a"], ["a b", "b"], ["a", "b"]])
def test_lines_shorter_than_the_order_have_the_probabilities_of_the_longest_n_grams(
    lines: list[str], tmp_path: Path
) -> None:
    longest = max(len(line.split()) for line in lines) + 2
    model, short = fitted(6, lines), fitted(longest, lines)
    for score, expected in zip(model.scores([*lines, "b a c"]), short.scores([*lines, "b a c"]), strict=True):
        np.testing.assert_array_equal(score.logarithms, expected.logarithms)
    assert "".join(model.generate(tokens=5)).strip()
    model.to_arpa(tmp_path / "a.arpa")
    text = (tmp_path / "a.arpa").read_text()
    assert f"ngram {longest}=" in text
    assert f"ngram {longest + 1}=" not in text
    # Others write the empty orders, too.
    more = text.replace("\n\n\\1-grams", f"\nngram {longest + 1}=0\n\n\\1-grams")
    (tmp_path / "b.arpa").write_text(more.replace("\\end\\", f"\\{longest + 1}-grams:\n\n\\end\\"))
    for name in ("a.arpa", "b.arpa"):
        assert NGramLM.from_arpa(tmp_path / name).perplexity(lines) == pytest.approx(model.perplexity(lines), rel=1e-6)


def test_discounts_are_those_of_the_counts_of_counts() -> None:
    counts = np.array([1] * 10 + [2] * 5 + [3] * 3 + [4] * 2 + [9])
    share = 10 / 20
    expected = [0, 1 - 2 * share * 5 / 10, 2 - 3 * share * 3 / 5, 3 - 4 * share * 2 / 3]
    np.testing.assert_allclose(discounts_of(counts), expected)


@pytest.mark.parametrize("context", [[], ["the"], ["the", "cat"], ["log", "mat"], ["cat", "unseen"]])
def test_the_probabilities_of_what_may_come_sum_to_one(context: list[str]) -> None:
    model = fitted(4)
    reader = model.reader()
    for token in model.prompt_tokens(" ".join(context), unknown=True):
        reader.read(token)
    assert np.exp(reader.logarithms()).sum() == pytest.approx(1.0, abs=1e-12)


def test_a_reader_says_what_scores_say() -> None:
    model = fitted(3)
    for score in model.scores(["the cat on a mat", "zebra dog dog"]):
        reader = model.reader()
        for token, logarithm in zip(
            [*model.tokenizer_.encode([score.text]).ids, model.end], score.logarithms, strict=True
        ):
            assert reader.logarithms()[token] == pytest.approx(logarithm, rel=1e-12)
            reader.read(int(token))


def test_generated_text_follows_the_model() -> None:
    model = fitted(2)
    drawn = Counter("".join(model.generate("the", tokens=1, attempt=n, line=True)).strip() for n in range(2000))
    reader = model.reader()
    reader.read(model.prompt_tokens("the")[0])
    probabilities = np.exp(reader.logarithms())
    probabilities[0] = 0  # the unknown word is never drawn
    names = [*model.tokenizer_.vocabulary, ""]
    expected = 2000 * probabilities / probabilities.sum()
    often = expected >= 5
    seen = np.array([drawn[name] for name in names], float)
    counts, wanted = seen[often], expected[often]
    if (~often).any() and expected[~often].sum() > 0:
        counts, wanted = np.append(counts, seen[~often].sum()), np.append(wanted, expected[~often].sum())
    assert chisquare(counts, wanted).pvalue > 1e-3


def test_arpa_files_hold_the_model(tmp_path: Path) -> None:
    model = fitted(3)
    for name in ("model.arpa", "model.arpa.gz"):
        model.to_arpa(tmp_path / name)
        again = NGramLM.from_arpa(tmp_path / name)
        assert again.perplexity(LINES) == pytest.approx(model.perplexity(LINES), rel=1e-6)
        assert again.perplexity(["a cat saw the zebra"]) == pytest.approx(
            model.perplexity(["a cat saw the zebra"]), rel=1e-6
        )
    assert "\\3-grams:" in gzip.decompress((tmp_path / "model.arpa.gz").read_bytes()).decode()


def test_an_arpa_file_of_another_hand(tmp_path: Path) -> None:
    text = (
        "\\data\\\nngram 1=4\nngram 2=2\n\n\\1-grams:\n-1.0\t<unk>\n-99\t<s>\t-0.5\n-0.3\tyes\t-0.2\n-0.6\t</s>\n\n"
        "\\2-grams:\n-0.1\t<s> yes\n-0.2\tyes </s>\n\n\\end\\\n"
    )
    (tmp_path / "a.arpa").write_text(text)
    model = NGramLM.from_arpa(tmp_path / "a.arpa")
    (score,) = model.scores(["yes yes no"])
    np.testing.assert_allclose(score.logarithms / math.log(10), [-0.1, -0.2 - 0.3, -0.2 - 1.0, -0.6], rtol=1e-12)


def bigrams(*rows: str) -> str:
    """An ARPA file with these rows of order 2, the first of which is line 9."""
    return (
        f"\\data\\\nngram 1=2\nngram 2={len(rows)}\n\n\\1-grams:\n-1\ta\t-0.5\n-1\t</s>\n\\2-grams:\n"
        + "".join(f"{row}\n" for row in rows)
        + "\n\\end\\\n"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hello\n", r"a\.arpa: has no line .data., with which an ARPA file begins"),
        ("\\data\\\nngram 2=1\n", "line 2: expected 'ngram 1=COUNT'"),
        ("\\data\\\nngram 1=1\n\\1-grams:\nx\tyes\n", "line 4: expected 'log10 P"),
        ("\\data\\\nngram 1=1\n\\1-grams:\n-1\ta\n", "cut off"),
        (bigrams("-1\ta b"), "'b' is not among"),
        (bigrams("-1\ta a", "-2\ta a"), "line 12: the n-gram 'a a' occurs twice"),
        (bigrams("-1\ta  a"), "line 9: expected 2 words, found 'a  a'"),
        (bigrams("nan\ta a"), "line 9: expected log10 P of 0 or less"),
        (bigrams("0.5\ta a"), "line 9: expected log10 P of 0 or less"),
        (bigrams("-1\ta a\tnan"), "line 9: expected log10 P of 0 or less, and a back-off"),
        (bigrams("-1\ta a").replace("1=2", "1=0"), "none of the order below"),
        (bigrams("-1\ta a").replace("</s>", "b"), "there is no </s> among the 1-grams"),
        (bigrams("-1\ta a").replace("2=1", "2=99999999999999999999"), "line 11: expected 'log10 P"),
    ],
)
def test_a_faulty_arpa_file(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.arpa").write_text(text)
    with pytest.raises(InputError, match=message):
        NGramLM.from_arpa(tmp_path / "a.arpa")


def test_an_arpa_file_with_a_mark_and_another_systems_line_ends(tmp_path: Path) -> None:
    (tmp_path / "a.arpa").write_bytes(b"\xef\xbb\xbf" + bigrams("-1\ta a").replace("\n", "\r\n").encode())
    assert NGramLM.from_arpa(tmp_path / "a.arpa").order == 2


def test_a_damaged_zipped_arpa_file(tmp_path: Path) -> None:
    whole = gzip.compress(bigrams(*(f"-1\ta {n}" for n in range(2000))).encode())
    for damaged in (whole[:200], whole[:10] + b"\xff" * 50, b"plain text"):
        (tmp_path / "a.arpa.gz").write_bytes(damaged)
        with pytest.raises(InputError, match="the gzip data is damaged or cut off"):
            NGramLM.from_arpa(tmp_path / "a.arpa.gz")


def test_words_that_an_arpa_file_cannot_say(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'</s>' is what an ARPA file calls the end"):
        fitted(1, ["a </s> b"]).to_arpa(tmp_path / "a.arpa")


def test_saved_is_loaded(tmp_path: Path) -> None:
    model = fitted(3)
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert again.perplexity(LINES) == model.perplexity(LINES)
    assert list(again.generate(tokens=8, seed=3)) == list(model.generate(tokens=8, seed=3))


@pytest.mark.parametrize("tokens", ["characters", "bpe", "words", "lower"])
def test_perplexity_is_per_word_whatever_the_tokens(tokens: str) -> None:
    model = NGramLM(order=4, tokens=tokens, max_words=300 if tokens == "bpe" else None).fit(LINES)
    found = model.evaluate(LINES)
    assert found["words"] == sum(len(line.split()) + 1 for line in LINES)
    assert found["bits_per_word"] * found["words"] == pytest.approx(found["loss"] * found["tokens"] / math.log(2))
    assert found["characters"] == sum(len(line) + 1 for line in LINES)
    assert "".join(model.generate(tokens=30)).strip()


def test_blank_lines_count_for_characters_only() -> None:
    lines = ["ab", "", "b"]
    assert NGramLM(order=2, tokens="characters").fit(lines).evaluate(lines)["lines"] == 3
    assert NGramLM(order=2, tokens="spaces").fit(lines).evaluate(lines)["lines"] == 2


@pytest.mark.parametrize(("prompt", "begins"), [("the cat", " "), ("the cat ", ""), ("the cat\n", ""), ("", "")])
def test_a_prompt_that_ends_in_a_space_is_not_followed_by_another(prompt: str, begins: str) -> None:
    first = next(iter(fitted().generate(prompt, tokens=1, temperature=0)))
    assert first.strip()
    assert first == begins + first.strip()


def test_comparing_says_who_is_better_and_how_sure() -> None:
    models = {"one": fitted(1), "three": fitted(3)}
    best, other = compare(models, LINES)
    assert (best.name, other.name) == ("three", "one")
    assert best.p is None
    assert other.p is not None
    assert other.p < 0.05
    assert compare({"a": fitted(2), "b": fitted(2)}, LINES)[1].p == 1.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: NGramLM().fit([]), "an empty one"),
        (lambda: NGramLM().fit(["", "  "]), "no token"),
        (lambda: NGramLM(order=7).fit(LINES), "at most 6"),
        (lambda: list(fitted().generate("the zebra")), "'zebra', which is not among the"),
        (lambda: list(fitted().generate(temperature=-1)), "temperature is 0 or more"),
        (lambda: list(fitted().generate(temperature=math.inf)), "temperature is 0 or more, and at most 1,000,000"),
        (lambda: list(fitted().generate(top_p=0)), "top_p is above 0"),
        (lambda: fitted(min_count=99), "X: with min_count=99 the model would know no token but <unk>"),
        (lambda: fitted().evaluate([""]), "no token"),
        (lambda: NGramLM().fit("one text"), "got one str"),
    ],
)
def test_bad_input(call: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()  # type: ignore[operator]


def test_penn_treebank_has_the_perplexity_that_kenlm_gives(shared_data: Path) -> None:
    """KenLM 0.3.0 (lmplz -o 3) gives 148.2815 on the same text, where <unk> is a word like any other."""
    model = NGramLM(order=3, tokens="spaces").fit(Corpus.open(shared_data / "ptb/ptb.train.txt.gz"))
    assert model.perplexity(Corpus.open(shared_data / "ptb/ptb.test.txt")) == pytest.approx(148.2815, abs=0.005)
