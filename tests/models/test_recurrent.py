"""Recurrent classifiers: one step by hand, PyTorch's packed sequences, both directions, texts of any length."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import lexgrad as lg
from lexgrad.evaluate import Interpreter
from lexgrad.grad import gradient
from lexgrad.graph import Graph, Node, Type, input_node
from lexgrad.models import (
    GRUClassifier,
    LSTMClassifier,
    RecurrentClassifier,
    RNNClassifier,
    load,
)
from lexgrad.models.features.stepped import SteppedEncoder, SteppedInputs
from lexgrad.nn.recurrence import Weights, recurrence
from lexgrad.text.packed import pack
from lexgrad.text.tokenizer import Tokenizer

Array = NDArray[Any]
MODELS = [RNNClassifier, LSTMClassifier, GRUClassifier]
TEXTS = [
    "good",
    "",
    "not good at all",
    "bad",
    "not bad",
    "really very good",
    "really bad",
    "a good one",
]
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
    start = {
        "E": [[0.0], [1.0], [-2.0]],
        "W1": [[0.5]],
        "U1": [[0.25]],
        "b1": [0.1],
        "V": [[1.0, -1.0]],
        "b": [0, 0],
    }

    class Given(RNNClassifier):
        def initial(self, name: str, shape: tuple[int, ...], encoder: Any) -> Array:
            return np.array(start[name], np.float64).reshape(shape)

    settings: dict[str, Any] = {
        "optimizer": "sgd",
        "learning_rate": 0.5,
        "dropout": 0.0,
        "clip_norm": None,
    }
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
@pytest.mark.parametrize(
    "settings",
    [{}, {"bidirectional": True, "layers": 2}, {"pool": "max"}, {"pool": "mean"}],
)
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
def test_overfits_eight_texts_with_the_same_weights_on_one_thread_and_two(
    model: Any,
) -> None:
    settings: dict[str, Any] = {
        "epochs": 60,
        "learning_rate": 0.02,
        "units": 8,
        "dimensions": 8,
        "bidirectional": True,
    }
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


def torch_module(kind: str, p: dict[str, Array], both: bool) -> Any:
    """PyTorch's module with our weights; its second bias acts in the new state of a GRU alone."""
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
    return module


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("model", MODELS)
def test_states_and_gradients_are_those_of_pytorchs_packed_sequences(model: Any, both: bool) -> None:
    """The loss is Σ sin(last states) + Σ cos(all states)."""
    torch = pytest.importorskip("torch")
    generator = np.random.default_rng(1)
    texts = [generator.integers(0, 6, length) for length in (3, 1, 5, 2, 1)]
    wanted = model(units=4, dimensions=3, bidirectional=both)
    encoder = SteppedEncoder(Tokenizer.train(["a b c d e"]), None, 3)
    p = {name: generator.normal(size=shape) for name, shape in wanted.shapes(encoder, 2).items()}
    nodes = {name: input_node(name, Type("float", array.shape)) for name, array in p.items()}
    inputs = {name: input_node(name, type) for name, type in encoder.input_types().items()}
    x = lg.take(nodes["E"], inputs["ids"])
    loss = lg.sum(0.0 * x)
    found: dict[str, Node] = {}
    for way in ("", "_back") if both else ("",):
        W, U, b = (nodes[f"{name}1{way}"] for name in "WUb")
        weights = Weights(W, U, b, nodes.get(f"bn1{way}"))
        last, states = recurrence(wanted.cell, x, inputs["steps"], inputs["rank"], weights, reverse=bool(way))
        found |= {f"last{way}": last, f"states{way}": states}
        loss = loss + lg.sum(lg.sin(last)) + lg.sum(lg.cos(states))
    used = [name for name in p if name not in ("V", "b")]
    slopes = gradient(loss, [nodes[name] for name in used])
    outputs = {
        **found,
        **{f"d_{name}": node for name, node in zip(used, slopes, strict=True)},
    }
    given = {name: nodes[name] for name in used} | inputs
    batch, _ = encoder.inputs(pack(texts)).batch()
    ours = Interpreter(Graph(given, outputs)).run({**{name: p[name] for name in used}, **batch})

    module, E = (
        torch_module(wanted.cell, p, both),
        torch.tensor(p["E"], requires_grad=True),
    )
    rows = [E[torch.tensor(ids)] for ids in texts]
    packed, ends = module(torch.nn.utils.rnn.pack_sequence(rows, enforce_sorted=False))
    ends = ends[0] if wanted.cell == "lstm" else ends
    (torch.sin(ends).sum() + torch.cos(packed.data).sum()).backward()
    padded, _ = torch.nn.utils.rnn.pad_packed_sequence(packed, batch_first=True)
    rank, steps = batch["rank"], batch["steps"]
    for number, way in enumerate(("", "_back") if both else ("",)):
        suffix = "_reverse" if way else ""
        np.testing.assert_allclose(ours[f"last{way}"][rank], ends[number].detach(), rtol=1e-10, atol=1e-12)
        for i, ids in enumerate(texts):
            mine = ours[f"states{way}"][steps[: len(ids)] + rank[i]]
            theirs = padded[i, : len(ids), 4 * number : 4 * number + 4].detach()
            np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-12)
        for name, other in (
            ("W1", "weight_ih_l0"),
            ("U1", "weight_hh_l0"),
            ("b1", "bias_ih_l0"),
        ):
            slope = getattr(module, f"{other}{suffix}").grad.numpy().T
            np.testing.assert_allclose(ours[f"d_{name}{way}"], slope, rtol=1e-9, atol=1e-12, err_msg=name)
        if wanted.cell == "gru":
            slope = getattr(module, f"bias_hh_l0{suffix}").grad.numpy()[8:]
            np.testing.assert_allclose(ours[f"d_bn1{way}"], slope, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ours["d_E"], E.grad.numpy(), rtol=1e-9, atol=1e-12)
