"""Convolutional networks: a step by hand, what they can learn, channels, limits of norms, short texts."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lexgrad.errors import InputError
from lexgrad.models import Tagger, TextCNN, load
from lexgrad.models.features.word_kinds import named_features
from lexgrad.train import Interrupted, Progress
from lexgrad.train.run import Run

TEXTS = [
    "a b c d", "b a c d", "c a b d e", "d b a", "e a b", "b a e", "x a b y z a", "x b a y z",
]  # fmt: skip
LABELS = ["ab", "ba", "ab", "ba", "ab", "ba", "ab", "ba"]
SMALL: dict[str, Any] = {"kernels": (2, 3), "filters": 6, "dimensions": 5, "batch": 4, "epochs": 3, "tokens": "spaces"}


@pytest.fixture(autouse=True)
def interpreted(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """All but what is about threads: steps are compiled in tests/compile."""
    if "threads" not in request.node.name:
        monkeypatch.setenv("LEXGRAD_ENGINE", "interpreter")


def fitted(**settings: Any) -> TextCNN:
    return TextCNN(**{**SMALL, **settings}).fit(TEXTS, LABELS)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"padding": "valid", "optimizer": "adam", "learning_rate": 0.02},
        {"pool": "mean", "activation": "tanh", "optimizer": "adam", "learning_rate": 0.03},
        {"window_pool": "max", "units": 5, "optimizer": "adam", "learning_rate": 0.03},
    ],
    ids=str,
)
def test_it_learns_an_order_of_words(settings: dict[str, Any]) -> None:
    """The same words in both classes: only a kernel of two words or more tells them apart."""
    model = fitted(epochs=60, dropout=0.0, **settings)
    assert model.score(TEXTS, LABELS) == 1.0


def test_without_neighbours_it_can_not() -> None:
    model = fitted(kernels=1, epochs=60, dropout=0.0)
    assert model.predict(["a b c"]).tolist() == model.predict(["b a c"]).tolist()


def test_a_step_by_hand() -> None:
    """One filter over two words with E = [0, 1, 2, -1], K = [1, 2]: a step of SGD on one text of class 1."""

    class Given(TextCNN):
        def initial(self, name: str, shape: tuple[int, ...], encoder: Any) -> Any:
            known = {
                "E": [[0.0], *([row] for row in self.given(encoder))],
                "K2": [[[1.0]], [[2.0]]],
                "W1": [[0.5, -0.5]],
            }
            return np.array(known[name]) if name in known else np.zeros(shape)

        def given(self, encoder: Any) -> list[float]:
            values = {"p": 1.0, "q": 2.0, "r": -1.0}
            return [values[word] for word in encoder.tokenizer.vocabulary[1:]]

    model = Given(
        kernels=2, filters=1, dimensions=1, padding="valid", dropout=0.0, max_norm=None, optimizer="sgd", batch=2,
        learning_rate=0.1, epochs=1, precision="fp64", tokens="spaces", lazy=False,
    ).fit(["p q r", "p q r"], ["no", "yes"])  # fmt: skip
    # c = (1·1 + 2·2, 1·2 + 2·(-1)) = (5, 0); a = 5; z = (2.5, -2.5); the mean of p - y over both labels is p - ½.
    p = 1 / (1 + np.exp(-5.0))
    blame = p - 0.5
    da = 0.5 * blame + 0.5 * blame  # W (blame, -blame)
    assert model.history_[0]["loss"] == pytest.approx(-(np.log(p) + np.log(1 - p)) / 2)
    np.testing.assert_allclose(model.parameters_["W1"], [[0.5 - 0.1 * 5 * blame, -0.5 + 0.1 * 5 * blame]])
    np.testing.assert_allclose(model.parameters_["K2"][:, 0, 0], [1 - 0.1 * da * 1.0, 2 - 0.1 * da * 2.0])
    np.testing.assert_allclose(model.parameters_["b_K2"], [-0.1 * da])
    words = model.encoder_.tokenizer.vocabulary
    E = {word: model.parameters_["E"][words.index(word), 0] for word in "pqr"}
    assert pytest.approx({"p": 1.0 - 0.1 * da * 1.0, "q": 2.0 - 0.1 * da * 2.0, "r": -1.0}) == E


@pytest.mark.parametrize("padding", ["valid", "same", "full"])
def test_texts_shorter_than_a_kernel(padding: str) -> None:
    model = TextCNN(**{**SMALL, "kernels": (3, 7), "padding": padding}).fit(["a", "b b", "", "a b a b"], [0, 1, 0, 1])
    assert np.isfinite(model.predict_proba(["a", "", "b b b b b b b b b", "never seen"])).all()


def test_same_seed_same_bits_on_any_number_of_threads() -> None:
    one, two, other = fitted(threads=1), fitted(threads=2), fitted(seed=1)
    for name, array in one.parameters_.items():
        np.testing.assert_array_equal(array, two.parameters_[name])
    assert not np.array_equal(one.parameters_["K2"], other.parameters_["K2"])


def test_output_weights_stay_within_their_norm() -> None:
    free, held = fitted(epochs=20, max_norm=None), fitted(epochs=20, max_norm=0.3)
    norms = [np.linalg.norm(model.parameters_["W1"], axis=0) for model in (free, held)]
    assert norms[0].max() > 0.5
    np.testing.assert_array_less(norms[1], 0.3 + 1e-6)


def test_a_fixed_copy_stays_and_the_other_moves() -> None:
    start, end = fitted(fixed_copy=True, learning_rate=0.0), fitted(fixed_copy=True)
    np.testing.assert_array_equal(start.parameters_["E"], start.parameters_["E_fixed"])
    np.testing.assert_array_equal(end.parameters_["E_fixed"], start.parameters_["E"])
    assert not np.array_equal(end.parameters_["E"], start.parameters_["E"])
    assert end.parameters_["K2"].shape == (2, 6, 10)


def test_resumed_is_uninterrupted(tmp_path: Path) -> None:
    class Stop(Progress):
        def on_steps(self, **_: Any) -> None:
            raise KeyboardInterrupt

    whole = fitted(fixed_copy=True)
    with pytest.raises(Interrupted):
        TextCNN(**SMALL, fixed_copy=True).fit(TEXTS, LABELS, run=Run.create(tmp_path / "run"), progress=Stop())
    again = TextCNN(**SMALL, fixed_copy=True).fit(TEXTS, LABELS, run=Run.resume(tmp_path / "run"))
    for name, array in whole.parameters_.items():
        np.testing.assert_array_equal(again.parameters_[name], array)
    np.testing.assert_array_equal(load(tmp_path / "run").predict_proba(TEXTS), whole.predict_proba(TEXTS))


def test_filters_say_which_ngrams_they_answer_to(tmp_path: Path) -> None:
    """Each answer is what the weights give for that n-gram, and no window of any text has a larger one."""
    model = fitted(kernels=2, filters=3, activation="tanh", padding="valid", max_norm=None)
    E, K, b = (model.parameters_[name].astype(float) for name in ("E", "K2", "b_K2"))
    rows = {word: E[number] for number, word in enumerate(model.encoder_.tokenizer.vocabulary)}
    pairs = {tuple(text.split()[i : i + 2]) for text in TEXTS for i in range(len(text.split()) - 1)}
    found = model.top_ngrams(2)
    assert [(row["kernel"], row["filter"]) for row in found] == [(2, 0), (2, 1), (2, 2)]
    for row in found:
        f = row["filter"]
        answers = {pair: np.tanh(sum(K[j, f] @ rows[word] for j, word in enumerate(pair)) + b[f]) for pair in pairs}
        best = max(answers, key=lambda pair: answers[pair])
        assert row["ngrams"][0]["ngram"] == " ".join(best)
        assert row["ngrams"][0]["answer"] == pytest.approx(answers[best], abs=1e-4)
        first, second = row["ngrams"]
        assert first["answer"] > second["answer"]
        texts = [label for text, label in zip(TEXTS, LABELS, strict=True) if " ".join(best) in text]
        assert first["classes"] == {"ab": texts.count("ab"), "ba": texts.count("ba")}
        assert row["votes"] == pytest.approx({"ab": model.parameters_["W1"][f, 0], "ba": model.parameters_["W1"][f, 1]})
    model.save(tmp_path / "run")
    assert load(tmp_path / "run").top_ngrams(2) == found


def test_kinds_of_words_are_channels(tmp_path: Path) -> None:
    model = fitted(word_features={"vowel": lambda word: word[0] in "aeiou", "first": lambda word: word[0]})
    words = model.encoder_.tokenizer.vocabulary
    assert model.encoder_.kinds["vowel"][[words.index("a"), words.index("b")]].tolist() in ([1, 2], [2, 1])
    assert model.parameters_["F_vowel"].shape == (3, 10)
    assert model.parameters_["K2"].shape == (2, 6, 5 + 2 * 10)
    model.save(tmp_path / "run")  # what the functions gave is kept, not the functions
    again = load(tmp_path / "run")
    np.testing.assert_array_equal(again.predict_proba([*TEXTS, "new a"]), model.predict_proba([*TEXTS, "new a"]))


def test_part_of_speech_is_a_channel_and_is_kept_with_the_run(tmp_path: Path) -> None:
    sentences = [["The", "cat", "runs"], ["A", "dog", "runs"], ["runs", "the", "cat"], ["a", "Dog", "barks"]] * 4
    tags = [["D", "N", "V"], ["D", "N", "V"], ["V", "D", "N"], ["D", "N", "V"]] * 4
    tagger = Tagger(epochs=12, dimensions=8, units=8, character_filters=0, network="window", word_dropout=0.0)
    tagger.fit(sentences, tags).save(tmp_path / "tagger")
    texts, labels = ["The dog runs", "the cat barks", "a Dog", "cat runs"], ["x", "y", "x", "y"]
    settings: dict[str, Any] = {"word_features": f"length, pos:{tmp_path / 'tagger'}", "epochs": 1, "filters": 2}
    model = TextCNN(**settings).fit(texts, labels)
    kinds = dict(zip(model.encoder_.tokenizer.vocabulary, model.encoder_.kinds["pos"].tolist(), strict=True))
    assert kinds["<unk>"] == 0
    assert kinds["the"] == kinds["a"] != kinds["dog"] == kinds["cat"] != kinds["runs"] == kinds["barks"]
    assert model.parameters_["F_pos"].shape == (4, 10)
    model.save(tmp_path / "run")
    shutil.rmtree(tmp_path / "tagger")
    np.testing.assert_array_equal(load(tmp_path / "run").predict_proba(texts), model.predict_proba(texts))
    with pytest.raises(InputError, match=r"names a tagger's run; .* holds a TextCNN"):
        TextCNN(word_features=f"pos:{tmp_path / 'run'}").fit(texts, labels)
    with pytest.raises(InputError, match="tokens=characters makes no words"):
        TextCNN(word_features="pos:nowhere", tokens="characters").fit(texts, labels)


def test_known_features_of_words() -> None:
    features: Any = named_features("length, shape")
    assert {word: features["shape"](word) for word in ("U.S.", "McDonald", "1990s", "...")} == {
        "U.S.": "X.X.", "McDonald": "XxXx", "1990s": "9x", "...": "."
    }  # fmt: skip
    assert features["length"]("a" * 40) == features["length"]("b" * 30)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kernels": ()}, "kernels names at least one size"),
        ({"kernels": (3, 3)}, r"each size once; got \(3, 3\)"),
        ({"kernels": (0,)}, "'kernels' of TextCNN is at least 1"),
        ({"padding": "half"}, "'padding' of TextCNN is one of valid, same, full; got 'half'"),
        ({"dropout": 1.0}, "'dropout' of TextCNN is below 1"),
        ({"word_features": "lenght"}, "word_features are length, shape, pos:RUN .*got 'lenght'.*length"),
        ({"word_features": 3}, "is a function of a word; got 3"),
        ({"word_features": (len, len)}, "names of their own"),
        ({"word_features": str.split}, r"split\('a'\) failed: TypeError"),
        ({"max_norm": -1.0}, "'max_norm' of TextCNN is at least 0"),
    ],
)
def test_mistakes_are_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        fitted(**settings)
