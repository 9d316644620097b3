"""Language models at the command line: train, perplexity, score, generate, compare, ARPA files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Lexgrad

LINES = ["the cat sat on the mat", "the dog sat on the log", "the cat saw the dog", "a dog saw a cat"]


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """A file of lines."""
    path = tmp_path / "pets.txt"
    path.write_text("\n".join(LINES) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def run(lexgrad: Lexgrad, pets: Path) -> str:
    """A trained trigram model."""
    assert lexgrad("train", "ngram-lm", pets, "--set", "order=3", "--out", "runs/pets", "--quiet").code == 0
    return "runs/pets"


def test_train_reports_perplexity_and_what_is_next(lexgrad: Lexgrad, pets: Path) -> None:
    ran = lexgrad("train", "ngram-lm", pets, "--dev", pets, "--test", pets)
    assert ran.code == 0, ran.err
    assert "test: perplexity" in ran.out
    assert f"next: lexgrad generate {Path('runs/ngram-lm-pets-1')}" in ran.out.replace("'", "")
    assert "ngram-lm" in lexgrad("show", "runs/ngram-lm-pets-1").out


def test_perplexity_json_is_what_train_said(lexgrad: Lexgrad, pets: Path) -> None:
    trained = lexgrad("train", "ngram-lm", pets, "--test", pets, "--out", "runs/a", "--json").json()
    measured = lexgrad("perplexity", "runs/a", pets, "--json").json()
    assert measured == trained["test"] == lexgrad("evaluate", "runs/a", pets, "--json").json()
    assert {"perplexity", "words", "unknown", "bits_per_word"} <= measured.keys()
    assert measured["words"] == sum(len(line.split()) + 1 for line in LINES)


def test_score_gives_every_token_its_logarithm(lexgrad: Lexgrad, run: str, pets: Path) -> None:
    ran = lexgrad("score", run, "--file", pets, "--json")
    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert [line["text"] for line in lines] == LINES
    for line in lines:
        assert line["logarithm"] == pytest.approx(sum(token["logarithm"] for token in line["tokens"]))
        assert line["tokens"][-1]["token"] == "</s>"
    assert "cat" in lexgrad("score", run, "--file", pets).out


def test_generate_is_fixed_by_its_seed(lexgrad: Lexgrad, run: str) -> None:
    ask = ("generate", run, "--prompt", "the cat", "--tries", "3", "--tokens", "8")
    first, again, other = lexgrad(*ask), lexgrad(*ask), lexgrad(*ask, "--seed", "1")
    assert first.out == again.out != other.out
    assert first.out.count("--------") == 2
    assert first.out.startswith("the cat ")
    assert lexgrad(*ask, "--stream").out == first.out
    texts = lexgrad(*ask, "--json").json()["texts"]
    assert first.out == "\n--------\n".join(texts) + "\n"


HEAVY = (
    *("lexgrad.passes", "lexgrad.compile.making", "lexgrad.compile.emit"),  # the code is in the cache
    *("lexgrad.train.loop", "lexgrad.nn.optimisers", "lexgrad.text.corpus", "concurrent.futures"),
    *("sklearn", "scipy", "pydantic", "rich"),
)


def test_generating_starts_with_little(lexgrad: Lexgrad, pets: Path) -> None:
    sizes = ("--set", "units=4", "--set", "dimensions=4", "--set", "batch=2", "--set", "chunk=3", "--epochs", "1")
    assert lexgrad("train", "rnn-lm", pets, *sizes, "--out", "runs/net", "--quiet").code == 0
    words = ("generate", "runs/net", "--prompt", "the cat", "--tokens", "5", "--stream")
    expected = lexgrad(*words).out  # and the code is in the cache
    program = (
        "import sys; from lexgrad.cli.main import main\n"
        f"try: main({list(words)!r})\n"
        f"except SystemExit: print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, encoding="utf-8", check=True)
    assert done.stdout == expected + "[]\n"


def test_compare_ranks_models(lexgrad: Lexgrad, run: str, pets: Path) -> None:
    lexgrad("train", "ngram-lm", pets, "--set", "order=1", "--out", "runs/one", "--quiet")
    ran = lexgrad("compare", "runs/one", run, "--test", pets, "--json")
    assert [row["name"] for row in ran.json()["models"]] == [str(Path(run)), str(Path("runs/one"))]
    assert "perplexity" in lexgrad("compare", "runs/one", run, "--test", pets).out


def test_texts_of_which_a_model_knows_little_are_pointed_out(lexgrad: Lexgrad, run: str, pets: Path) -> None:
    Path("other.txt").write_text("tout autre chose\nque le reste\n")
    assert "tokens are unknown to" in lexgrad("perplexity", run, "other.txt").err
    assert lexgrad("perplexity", run, pets).err == ""
    lexgrad("train", "ngram-lm", pets, "--set", "max_words=3", "--out", "runs/few", "--quiet")
    assert "do not know the same words" in lexgrad("compare", "runs/few", run, "--test", pets).err


def test_arpa_files_there_and_back(lexgrad: Lexgrad, run: str, pets: Path) -> None:
    lexgrad("arpa", run, "pets.arpa.gz")
    assert lexgrad("arpa", "runs/again", "pets.arpa.gz", "--read").code == 0
    before, after = (lexgrad("perplexity", name, pets, "--json").json() for name in (run, "runs/again"))
    assert after["perplexity"] == pytest.approx(before["perplexity"], rel=1e-6)


def test_scored_lines_are_whole_where_nobody_looks_on(
    lexgrad: Lexgrad, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("long.txt").write_text("the cat sat on the mat " * 20 + "\n", encoding="utf-8")
    monkeypatch.setenv("COLUMNS", "40")
    assert len(lexgrad("score", run, "--file", "long.txt").out.splitlines()) == 1


def test_show_has_the_perplexity_of_every_epoch(lexgrad: Lexgrad, pets: Path) -> None:
    sizes = ("--set", "units=4", "--set", "dimensions=4", "--set", "batch=2", "--set", "chunk=3", "--epochs", "2")
    ran = lexgrad("train", "rnn-lm", pets, "--dev", pets, *sizes, "--watch", "--out", "runs/net")
    assert ran.code == 0, ran.err
    rows = lexgrad("show", "runs/net", "--json").json()["metrics"]
    shown = lexgrad("show", "runs/net").out
    assert "dev perplexity" in shown
    assert all(f"{row['dev_perplexity']:.4f}" in shown for row in rows)
    assert "W1" in lexgrad("show", "runs/net", "--health").out


def test_a_model_without_gradients_has_no_health(lexgrad: Lexgrad, run: str) -> None:
    assert "a model without gradients (ngram-lm)" in lexgrad("show", run, "--health").mistake()


def test_show_says_how_much_the_vectors_cover(lexgrad: Lexgrad, pets: Path) -> None:
    Path("few.vec").write_text("the 1 2 3\ncat 4 5 6\n", encoding="utf-8")
    sizes = ("--set", "units=4", "--set", "batch=2", "--set", "chunk=3", "--epochs", "1", "--set", "min_count=1")
    assert lexgrad("train", "rnn-lm", pets, *sizes, "--vectors", "few.vec", "--out", "r", "--quiet").code == 0
    assert "vectors: 2 of 9 words" in lexgrad("show", "r").out


def test_few_lines_say_little_of_chance(lexgrad: Lexgrad, run: str, pets: Path) -> None:
    lexgrad("train", "ngram-lm", pets, "--set", "order=1", "--out", "runs/one", "--quiet")
    assert "the text has 4 lines" in lexgrad("compare", "runs/one", run, "--test", pets).err
    Path("many.txt").write_text("\n".join(LINES * 10) + "\n", encoding="utf-8")
    assert lexgrad("compare", "runs/one", run, "--test", "many.txt").err == ""


def test_a_taken_place_is_refused_before_the_work(lexgrad: Lexgrad, run: str, pets: Path) -> None:
    Path("bad.txt").write_bytes(b"\xff")  # so that reading it would be a fault of its own
    assert "runs/pets is taken already: choose another --out" in _slashes(
        lexgrad("mix", run, run, "--dev", "bad.txt", "--out", run).mistake()
    )
    assert "choose another RUN" in lexgrad("arpa", run, "nowhere.arpa", "--read").mistake()
    assert "nowhere/a.arpa: no such file or directory" in _slashes(lexgrad("arpa", run, "nowhere/a.arpa").mistake())


def _slashes(text: str) -> str:
    return text.replace("\\", "/")


@pytest.mark.parametrize("model", ["ngram-lm", "rnn-lm"])
def test_a_text_that_cannot_be_learned_leaves_no_run(lexgrad: Lexgrad, pets: Path, model: str) -> None:
    Path("blank.txt").write_text("\n  \n\n", encoding="utf-8")
    out = ("--out", "runs/mine")
    assert "blank.txt: expected lines of text" in lexgrad("train", model, "blank.txt", *out).mistake()
    dev = (*out, "--dev", "blank.txt", *(("--set", "batch=2", "--set", "chunk=3") if model == "rnn-lm" else ()))
    assert "blank.txt: expected lines of text" in lexgrad("train", model, pets, *dev).mistake()
    assert "blank.txt: expected lines of text" in lexgrad("train", model, pets, "--test", "blank.txt", *out).mistake()
    few = lexgrad("train", model, pets, "--set", "min_count=9", *out).mistake()
    assert "pets.txt: with min_count=9 the model would know no token but <unk>" in few
    assert "--label says nothing" in lexgrad("train", model, pets, "--label", "x").mistake()
    assert "--dev FILE" in lexgrad("tune", model, pets, "--space", "min_count=1..2").mistake()
    if model == "rnn-lm":
        assert "too few for one step" in lexgrad("train", model, pets, *out).mistake()
    assert not Path("runs/mine").exists()


def test_mistakes_take_one_line(lexgrad: Lexgrad, run: str, pets: Path, films: Path) -> None:
    assert "'zebra', which is not among" in lexgrad("generate", run, "--prompt", "the zebra").mistake()
    assert lexgrad("generate", run, "--prompt", "the zebra", "--unknown").code == 0
    Path("empty.txt").write_text("")
    assert "empty" in lexgrad("train", "ngram-lm", "empty.txt").mistake()
    assert "two runs or more" in lexgrad("compare", run, "--test", pets).mistake()
    assert "is named twice" in lexgrad("compare", run, run, "--test", pets).mistake()
    assert "does not label texts; try lexgrad generate RUN" in lexgrad("predict", run, "the cat").mistake()
    assert "does not label texts" in lexgrad("predict", run, "--file", "nowhere.csv").mistake()
    assert "give one of them" in lexgrad("generate", run, "--stream", "--json").mistake()
    assert "at most 1,000,000" in lexgrad("generate", run, "--temperature", "1e300").mistake()
    Path("plain.txt").write_text("no ARPA file\n", encoding="utf-8")
    assert "with which an ARPA file begins" in lexgrad("arpa", "runs/new", "plain.txt", "--read").mistake()
    lexgrad("train", "softmax", films, "--epochs", "1", "--out", "runs/films", "--quiet")
    assert "is no language model" in lexgrad("perplexity", "runs/films", pets).mistake()
    assert "top_p is above 0" in lexgrad("generate", run, "--top-p", "2").mistake()
