"""Recurrent classifiers: one step by hand, PyTorch's packed sequences, both directions, texts of any length."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lexgrad.evaluate import Interpreter
from lexgrad.graph import Graph
from lexgrad.models import GRUClassifier, LSTMClassifier, RecurrentClassifier, RNNClassifier, load
from lexgrad.models.classifiers.prediction import prediction_graph
from lexgrad.models.features.stepped import SteppedEncoder, SteppedInputs
from lexgrad.text.packed import pack
from lexgrad.text.tokenizer import Tokenizer

Array = NDArray[Any]
MODELS = [RNNClassifier, LSTMClassifier, GRUClassifier]
TEXTS = ["good", "", "not good at all", "bad", "not bad", "really very good", "really bad", "a good one"]
LABELS = ["+", "-", "-", "-", "+", "+", "-", "+"]


def small(model: type[RecurrentClassifier], **settings: Any) -> RecurrentClassifier:
    return model(**{"units": 4, "dimensions": 3, "epochs": 2, "batch": 4, **settings})


def test_texts_are_packed_step_by_step() -> None:
    inputs = SteppedInputs(pack([[1, 2, 3], [], [4], [5, 6, 7], [8, 9]]))
    batch, tokens = inputs.batch(np.arange(5))
    assert tokens == 9
    assert batch["ids"].tolist() == [1, 5, 8, 4, 2, 6, 9, 3, 7]
    assert batch["steps"].tolist() == [0, 4, 7, 9]
    assert batch["rank"].tolist() == [0, 4, 3, 1, 2]


def test_several_batches_are_as_each_by_itself() -> None:
    generator = np.random.default_rng(0)
    inputs = SteppedInputs(pack([generator.integers(1, 9, length) for length in (3, 0, 5, 1, 4, 0, 0, 2, 7)]))
    indices, cuts = generator.permutation(9), np.array([0, 4, 4, 7, 9])
    several, tokens = inputs.pick(indices, cuts)
    for s in range(4):
        alone, count = inputs.batch(indices[cuts[s] : cuts[s + 1]])
        assert count == tokens[s]
        for name, array in alone.items():
            np.testing.assert_array_equal(several[name].part(s), array)  # type: ignore[union-attr]


def test_a_step_by_hand() -> None:
    """An Elman network of one unit on the text "a b", a step of plain SGD from weights that are easy to follow."""
    start = {"E": [[0.0], [1.0], [-2.0]], "W1": [[0.5]], "U1": [[0.25]], "b1": [0.1], "V": [[1.0, -1.0]], "b": [0, 0]}

    class Given(RNNClassifier):
        def initial(self, name: str, shape: tuple[int, ...], encoder: Any) -> Array:
            return np.array(start[name], np.float64).reshape(shape)

    settings: dict[str, Any] = {"optimizer": "sgd", "learning_rate": 0.5, "dropout": 0.0, "clip_norm": None}
    model = Given(units=1, dimensions=1, epochs=1, batch=2, precision="fp64", **settings).fit(["a b", ""], ["x", "y"])
    h1 = np.tanh(0.5 * 1.0 + 0.1)
    h2 = np.tanh(0.5 * -2.0 + 0.25 * h1 + 0.1)
    chance = np.exp(-h2) / (np.exp(h2) + np.exp(-h2))  # of "y", for the first text, whose label is "x"
    d_h2 = -chance - chance  # (ŷ - y) Vᵀ, for both classes
    d_z2 = d_h2 * (1 - h2**2)
    d_z1 = 0.25 * d_z2 * (1 - h1**2)
    rate = 0.5 / 2  # two texts; the second, without a word, has the state 0 and moves b alone
    expected = {
        "W1": 0.5 - rate * (1.0 * d_z1 - 2.0 * d_z2),
        "U1": 0.25 - rate * h1 * d_z2,
        "b1": 0.1 - rate * (d_z1 + d_z2),
        "E": np.array([0.0, 1.0 - rate * 0.5 * d_z1, -2.0 - rate * 0.5 * d_z2]),
        "V": np.array([1.0 + rate * chance * h2, -1.0 - rate * chance * h2]),
        "b": np.array([rate * (chance - 0.5), -rate * (chance - 0.5)]),
    }
    for name, value in expected.items():
        np.testing.assert_allclose(model.parameters_[name].ravel(), np.ravel(value), rtol=1e-12, err_msg=name)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("settings", [{}, {"bidirectional": True, "layers": 2}, {"pool": "max"}, {"pool": "mean"}])
def test_a_text_is_told_the_same_alone_and_among_others(model: Any, settings: dict[str, Any]) -> None:
    fitted = small(model, precision="fp64", **settings).fit(TEXTS, LABELS)
    together = fitted.predict_proba(TEXTS)
    alone = np.concatenate([fitted.predict_proba([text]) for text in TEXTS])
    np.testing.assert_allclose(together, alone, rtol=1e-12)
    np.testing.assert_allclose(fitted.predict_proba([""]), fitted.predict_proba(["", "", ""])[:1], rtol=1e-12)


@pytest.mark.parametrize("pool", ["last", "mean", "max"])
def test_what_is_pooled_is_what_the_states_are(pool: str) -> None:
    fitted = small(RNNClassifier, precision="fp64", pool=pool).fit(TEXTS, LABELS)
    p = fitted.parameters_
    tokenizer = fitted.encoder_.tokenizer
    assert tokenizer is not None
    for text in TEXTS:
        states = [np.zeros(4)]
        for word in tokenizer.encode([text]).ids:
            states.append(np.tanh(p["E"][word] @ p["W1"] + states[-1] @ p["U1"] + p["b1"]))
        rows = np.array(states[1:] or [np.zeros(4)])
        a = {"last": states[-1], "mean": rows.mean(0), "max": rows.max(0)}[pool]
        powers = np.exp(a @ p["V"] + p["b"])
        np.testing.assert_allclose(fitted.predict_proba([text])[0], powers / powers.sum(), rtol=1e-10)


@pytest.mark.parametrize("model", MODELS)
def test_overfits_eight_texts_with_the_same_weights_on_one_thread_and_two(model: Any) -> None:
    settings: dict[str, Any] = {"epochs": 60, "learning_rate": 0.02, "units": 8, "dimensions": 8, "bidirectional": True}
    one = small(model, threads=1, **settings).fit(TEXTS, LABELS)
    assert one.score(TEXTS, LABELS) == 1.0
    two = small(model, threads=2, **settings).fit(TEXTS, LABELS)
    for name, array in one.parameters_.items():
        np.testing.assert_array_equal(array, two.parameters_[name], err_msg=name)


def test_saved_and_loaded(tmp_path: Path) -> None:
    fitted = small(GRUClassifier, bidirectional=True).fit(TEXTS, LABELS)
    fitted.save(tmp_path / "model")
    np.testing.assert_array_equal(load(tmp_path / "model").predict_proba(TEXTS), fitted.predict_proba(TEXTS))


def test_an_explanation_writes_the_steps_out() -> None:
    found = small(RNNClassifier).fit(TEXTS, LABELS).explain("not good")
    names = [step.name for step in found.derivation.steps]
    assert [word.token for word in found.words] == ["not", "good"]
    assert any(name.endswith("_2") for name in names)


def torch_states(kind: str, p: dict[str, Array], texts: list[Array], both: bool) -> tuple[Array, list[Array], Any]:
    """PyTorch's last states and all states, with the module, of our weights on a packed sequence."""
    torch = pytest.importorskip("torch")
    units = p["U1"].shape[0]
    module = getattr(torch.nn, kind.upper())(p["E"].shape[1], units, bidirectional=both, dtype=torch.float64)
    with torch.no_grad():
        for way, suffix in [("", ""), *([("_back", "_reverse")] if both else [])]:
            getattr(module, f"weight_ih_l0{suffix}").copy_(torch.tensor(p[f"W1{way}"].T))
            getattr(module, f"weight_hh_l0{suffix}").copy_(torch.tensor(p[f"U1{way}"].T))
            getattr(module, f"bias_ih_l0{suffix}").copy_(torch.tensor(p[f"b1{way}"]))
            hidden = getattr(module, f"bias_hh_l0{suffix}").zero_()
            if kind == "gru":
                hidden[2 * units :] = torch.tensor(p[f"bn1{way}"])
    rows = [torch.tensor(p["E"][ids]) for ids in texts]
    packed = torch.nn.utils.rnn.pack_sequence(rows, enforce_sorted=False)
    outputs, last = module(packed)
    last = last[0] if kind == "lstm" else last
    padded, lengths = torch.nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True)
    states = [padded[i, :length].detach().numpy() for i, length in enumerate(lengths)]
    return torch.cat(list(last), 1).detach().numpy(), states, module


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("model", MODELS)
def test_states_are_those_of_pytorchs_packed_sequences(model: Any, both: bool) -> None:
    pytest.importorskip("torch")
    generator = np.random.default_rng(1)
    texts = [generator.integers(0, 6, length) for length in (3, 1, 5, 2, 1)]
    wanted = model(units=4, dimensions=3, bidirectional=both, dropout=0.0)
    encoder = SteppedEncoder(Tokenizer.train(["a b c d e"]), None, 3)
    p = {name: generator.normal(size=shape) for name, shape in wanted.shapes(encoder, 2).items()}
    graph = prediction_graph(wanted, encoder, 2)
    nodes = {node.name: node for node in graph.nodes}
    graph = Graph(graph.inputs, {"h": nodes["h1"], "a": nodes["a"]}, "states")
    batch, _ = encoder.inputs(pack(texts)).batch()
    given = {**p, **batch}
    found = Interpreter(graph).run({name: given[name] for name in graph.inputs})
    last, states, _ = torch_states(wanted.cell, p, texts, both)
    np.testing.assert_allclose(found["a"], last, rtol=1e-10, atol=1e-12)
    steps, rank = batch["steps"], batch["rank"]
    for i, rows in enumerate(states):
        np.testing.assert_allclose(found["h"][steps[: len(rows)] + rank[i]], rows, rtol=1e-10, atol=1e-12)
