"""The tagger: one step by hand, what it learns, the same bits again, and files."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lexgrad as lg
from lexgrad.errors import InputError
from lexgrad.evaluate import Interpreter
from lexgrad.graph import Graph, Type, input_node
from lexgrad.models import Tagger
from lexgrad.models.tagging import prediction
from lexgrad.models.tagging.examples import Sentences
from lexgrad.models.tagging.network import input_types, logits
from lexgrad.nn.layers import undropped
from lexgrad.text.sentences import MemorySentences
from lexgrad.train import Interrupted, Progress
from lexgrad.train.batches import part_of
from lexgrad.train.run import Run

NOUNS, VERBS = ("dog", "cat", "bird"), ("sees", "hears", "bites")
# "man" is a noun behind "the", and a verb behind a noun: only context tells.
X = [
    ["The", noun, verb, "the", other] for noun, verb, other in zip(NOUNS, VERBS, ("man", "dog", "cat"), strict=True)
] + [[noun.title(), "man", "the", other] for noun, other in zip(NOUNS, ("boats", "ships", "dogs"), strict=True)]
Y = [["DET", "NOUN", "VERB", "DET", "NOUN"]] * 3 + [["NOUN", "VERB", "DET", "NOUN"]] * 3
SMALL: dict[str, Any] = {
    "dimensions": 3,
    "affix_dimensions": 2,
    "character_dimensions": 2,
    "units": 4,
    "dropout": 0.1,
    "learning_rate": 0.03,
    "batch": 3,
    "epochs": 3,
    "threads": 1,
}
NETWORKS: dict[str, dict[str, Any]] = {
    "window": {"network": "window", "window": 1, "affixes": 1, "character_filters": 0},
    "recurrent": {"cell": "lstm", "affixes": 0, "character_filters": 3},
}


def small(network: str, **changes: Any) -> Tagger:
    return Tagger(**{**SMALL, **NETWORKS[network], **changes})


@pytest.fixture
def interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is learned does not hang on the engine, and small networks are compiled for longer than they learn."""
    monkeypatch.setenv("LEXGRAD_ENGINE", "interpreter")


@pytest.fixture(scope="module")
def fitted() -> Tagger:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEXGRAD_ENGINE", "interpreter")
        model = small("window").fit(X, Y, dev=(X, Y))
        model.predict(X)
    return model


def parameters(model: Tagger) -> list[Any]:
    return [model.parameters_[name].tobytes() for name in sorted(model.parameters_)]


@pytest.mark.usefixtures("interpreted")
def test_one_step_by_hand() -> None:
    plain = {"affixes": 0, "shapes": False, "character_filters": 0, "word_dropout": 0.0, "dropout": 0.0}
    sgd = {"optimizer": "sgd", "learning_rate": 0.5, "clip_norm": None, "lazy": False, "precision": "fp64"}
    settings = {**plain, **sgd, "activation": "tanh", "batch": 9}
    model = small("window", **settings, epochs=1).fit(X[:1], Y[:1])
    p = {name: model.initial(name, array.shape) for name, array in model.parameters_.items()}
    assert sorted(p) == ["E", "W", "W1", "b", "b1"]
    words = model.encoder_.encode(X[:1]).words
    targets = np.eye(3)[[["DET", "NOUN", "VERB"].index(tag) for tag in Y[0]]]
    padded = np.pad(p["E"][words], ((1, 1), (0, 0)))
    x = np.concatenate([padded[:-2], padded[1:-1], padded[2:]], axis=1)
    h = np.tanh(x @ p["W1"] + p["b1"])
    z = h @ p["W"] + p["b"]
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    dz = (powers / powers.sum(axis=1, keepdims=True) - targets) / 5
    dh = (dz @ p["W"].T) * (1 - h**2)
    dx = np.pad(dh @ p["W1"].T, ((1, 1), (0, 0))).reshape(7, 3, 3)
    dE = np.zeros_like(p["E"])
    np.add.at(dE, words, dx[2:, 0] + dx[1:-1, 1] + dx[:-2, 2])
    slopes = {"E": dE, "W1": x.T @ dh, "b1": dh.sum(axis=0), "W": h.T @ dz, "b": dz.sum(axis=0)}
    for name, slope in slopes.items():
        np.testing.assert_allclose(model.parameters_[name], p[name] - 0.5 * slope, rtol=1e-9, atol=1e-12)


@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize(
    ("network", "changes"), [("window", {}), ("recurrent", {}), ("recurrent", {"cell": "gru", "layers": 2})]
)
def test_context_is_learned(network: str, changes: dict[str, Any]) -> None:
    model = small(network, **changes, epochs=60).fit(X, Y)
    assert [tags.tolist() for tags in model.predict(X)] == Y
    assert model.evaluate(X, Y)["sentence_accuracy"] == 1.0
    probabilities = model.predict_proba([["the", "man"], []])
    assert [each.shape for each in probabilities] == [(2, 3), (0, 3)]
    np.testing.assert_allclose(probabilities[0].sum(axis=1), 1.0)


@pytest.mark.parametrize("network", NETWORKS)
def test_same_seed_same_bits_on_any_threads(network: str) -> None:
    first, again, other = (
        small(network, threads=threads, seed=seed).fit(X, Y, dev=(X, Y)) for threads, seed in ((1, 0), (2, 0), (1, 1))
    )
    assert parameters(first) == parameters(again)
    assert parameters(first) != parameters(other)


@pytest.mark.parametrize("network", NETWORKS)
def test_sentences_are_tagged_alike_alone_and_among_others(network: str) -> None:
    model = small(network, epochs=1).fit(X, Y)
    sentences = [*X, ["Dog"], ["new", "words", "like", "newer"], [], ["the"] * 20]
    together = model.predict_proba(sentences)
    for sentence, wanted in zip(sentences, together, strict=True):  # bit for bit: words have been met by now
        np.testing.assert_array_equal(model.predict_proba([sentence])[0], wanted)
    again = small(network, epochs=1).fit(X, Y)
    for sentence, wanted in zip(sentences, together, strict=True):  # and where they come new
        np.testing.assert_array_equal(again.predict_proba([sentence])[0], wanted)


@pytest.mark.parametrize("network", NETWORKS)
def test_what_is_kept_of_words_gives_what_the_graph_means(network: str) -> None:
    model = small(network, epochs=1, precision="fp64").fit(X, Y)
    types = input_types(model, model.encoder_)
    nodes = {name: input_node(name, Type("float", array.shape)) for name, array in model.parameters_.items()}
    inputs = {name: input_node(name, type) for name, type in types.items()}
    graph = Graph({**nodes, **inputs}, {"z": logits(model, nodes, inputs, undropped)})
    sentences = Sentences(model.encoder_.encode(X), tuple(types))
    given, places, _ = sentences.inputs(np.arange(len(X)), np.array([0, len(X)]))
    z = Interpreter(graph, "fp64").run({**model.parameters_, **part_of(given, 0)})["z"]
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    found = np.concatenate(model.predict_proba(X))[places]
    np.testing.assert_allclose(found, powers / powers.sum(axis=1, keepdims=True), atol=1e-9)


@pytest.mark.usefixtures("interpreted")
def test_spellings_are_forgotten_when_there_are_too_many(fitted: Tagger, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = fitted.predict_proba(X)
    monkeypatch.setattr(prediction, "REMEMBERED", 3)
    for _ in range(2):
        for sentence, wanted in zip(X, expected, strict=True):
            np.testing.assert_allclose(fitted.predict_proba([sentence])[0], wanted, rtol=1e-5)


class Stop(Progress):
    """Presses Ctrl-C in the middle of the second epoch."""

    def on_steps(self, **_: Any) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt

    left = 3


def test_resumed_is_uninterrupted(tmp_path: Path) -> None:
    network = "recurrent"
    whole = small(network).fit(X, Y, dev=(X, Y))
    run = Run.create(tmp_path / "run")
    with pytest.raises(Interrupted):
        small(network).fit(X, Y, dev=(X, Y), run=run, progress=Stop())
    resumed = small(network).fit(X, Y, dev=(X, Y), run=Run.resume(tmp_path / "run"))
    assert parameters(resumed) == parameters(whole)
    times = ("seconds",)
    rows = [[{k: v for k, v in row.items() if k not in times} for row in each.history_] for each in (resumed, whole)]
    assert rows[0] == rows[1]
    loaded = lg.load(tmp_path / "run")
    assert isinstance(loaded, Tagger)
    assert parameters(loaded) == parameters(whole)
    with pytest.raises(InputError, match="was started with units=4"):
        small(network, units=5).fit(X, Y, dev=(X, Y), run=Run.resume(tmp_path / "run"))
    with pytest.raises(InputError, match="was started with other dev data"):
        small(network).fit(X, Y, run=Run.resume(tmp_path / "run"))


@pytest.mark.usefixtures("interpreted")
def test_a_saved_tagger_predicts_the_same_bits(fitted: Tagger, tmp_path: Path) -> None:
    fitted.save(tmp_path / "model")
    again = Tagger.load(tmp_path / "model")
    for ours, theirs in zip(fitted.predict_proba(X), again.predict_proba(X), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert again.get_params() == fitted.get_params()
    assert again.history_ == fitted.history_
    config = json.loads((tmp_path / "model/config.json").read_text(encoding="utf-8"))
    (tmp_path / "model/config.json").write_text(json.dumps(config | {"classes": {"values": ["DET", "NOUN"]}}))
    with pytest.raises(InputError, match=r"parameter W has shape \(4, 3\), expected \(4, 2\)"):
        lg.load(tmp_path / "model")


@pytest.mark.usefixtures("interpreted")
def test_pretrained_vectors_stand_beside_the_embeddings(tmp_path: Path) -> None:
    vectors = (["the", "dog", "mouse"], np.arange(6.0).reshape(3, 2))
    model = small("window", vectors=vectors).fit(X, Y)
    kept = vectors[1] / vectors[1].std() * 0.3
    np.testing.assert_allclose(model.parameters_["V"], kept, rtol=1e-6)
    assert model.report_["vectors"] == {"found": 4, "words": 15, "tokens": 12 / 27, "others": 1}
    model.save(tmp_path / "model")
    again = Tagger.load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict_proba([["Mouse"]])[0], model.predict_proba([["Mouse"]])[0])
    tuned = small("window", vectors=vectors, fine_tune=True).fit(X, Y)
    assert not np.allclose(tuned.parameters_["V"][:2], kept[:2], rtol=1e-6)
    np.testing.assert_allclose(tuned.parameters_["V"][2], kept[2], rtol=1e-6)
    with pytest.raises(InputError, match=r"expected one row a word; got 2 words and a matrix of shape \(3, 2\)"):
        small("window", vectors=(["a", "b"], vectors[1])).fit(X, Y)


@pytest.mark.usefixtures("interpreted")
def test_a_table_is_read_as_lists_are(fitted: Tagger) -> None:
    from_table = small("window").fit(MemorySentences(X, Y), dev=MemorySentences(X, Y))
    assert parameters(from_table) == parameters(fitted)
    assert from_table.evaluate(MemorySentences(X, Y)) == fitted.evaluate(X, Y)


def test_texts_are_cut_where_words_are_asked_for(fitted: Tagger) -> None:
    cut = fitted.predict(["The dog sees the cat."])[0]
    assert cut.tolist() == fitted.predict([["The", "dog", "sees", "the", "cat", "."]])[0].tolist()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ((X, None), "requires y to be passed"),
        (("the dog", None), "expected a list of sentences, each a list of words, or a table; got a str"),
        ((X, Y[:-1]), "X has 6 sentences, but there are tags for 5"),
        (([["the", "dog"]], [["DET"]]), "sentence 0 of X (from 0) has 2 words, but 1 tags"),
        (([[]], [[]]), "X has no words"),
        (([["a"]], [["DET"]]), "needs words of at least two tags; there is only DET"),
        ((MemorySentences(X), None), "X has no tags"),
    ],
)
def test_what_is_no_training_set_is_refused(given: tuple[Any, Any], told: str) -> None:
    with pytest.raises(InputError) as caught:
        small("window").fit(*given)
    assert told in str(caught.value)


def test_copies_of_a_model_that_has_predicted(fitted: Tagger) -> None:
    tagged = fitted.predict(X)
    for twin in (pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted)):
        assert all(map(np.array_equal, twin.predict(X), tagged))


def test_score_is_the_accuracy_of_words(fitted: Tagger) -> None:
    assert fitted.score(X, Y) == fitted.evaluate(X, Y)["accuracy"]


def test_other_mistakes(fitted: Tagger) -> None:
    with pytest.raises(InputError, match="'dropout' of Tagger is below 1"):
        Tagger(dropout=1.0).fit(X, Y)
    with pytest.raises(InputError, match=r"none of the tags \(D, N, V\) is one of the model's .*--field"):
        fitted.evaluate(X, [[tag[0] for tag in tags] for tags in Y])
    with pytest.raises(InputError, match=r"put it in a list, \[text\]"):
        fitted.predict("The dog")
    unseen = fitted.evaluate([["the", "dog"]], [["DET", "X"]])
    assert unseen["classes"]["X"]["n"] == 1


def test_watching_changes_no_weight() -> None:
    plain, watched = (small("recurrent", epochs=1, watch=watch).fit(X, Y) for watch in (None, 1))
    assert parameters(plain) == parameters(watched)
    assert all(record["gradients"]["E"] > 0 for record in watched.health_)
