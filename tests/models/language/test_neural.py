"""Neural language models: streams, gradients through time, generation, resumption, the same bits on any threads."""

from __future__ import annotations

import copy
import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lexgrad import ops
from lexgrad.errors import InputError
from lexgrad.evaluate import evaluate, round_to_bf16
from lexgrad.grad import gradient
from lexgrad.graph import Graph, Type, input_node
from lexgrad.models import GRULM, LSTMLM, RNNLM, FeedForwardLM, NGramLM, load
from lexgrad.models.language import drawing, lines, neural, running
from lexgrad.models.language.lines import encode_lines
from lexgrad.models.language.neural import NeuralLM
from lexgrad.models.language.recurrent import RecurrentLM
from lexgrad.models.language.sampling import Sampling
from lexgrad.models.language.streams import Columns, Windows
from lexgrad.models.vectors.opening import open_vectors
from lexgrad.nn.layers import undropped
from lexgrad.nn.recurrence import cell_update
from lexgrad.text.corpus import Corpus
from lexgrad.text.packed import ArrayBuilder
from lexgrad.train.progress import Progress
from lexgrad.train.run import Run

LINES = ["the cat sat on the mat", "the dog sat on the log", "the cat saw the dog", "a dog saw a cat"] * 3
TINY: dict[str, Any] = {"tokens": "spaces", "min_count": 1, "dimensions": 6, "units": 5, "threads": 1}
RECURRENT: dict[str, Any] = {**TINY, "batch": 3, "chunk": 4}
MODELS: list[tuple[Any, dict[str, Any]]] = [
    (FeedForwardLM, {**TINY, "order": 3, "batch": 16}),
    (FeedForwardLM, {**TINY, "order": 2, "batch": 16, "tied": True, "direct": True}),
    (RNNLM, RECURRENT),
    (LSTMLM, {**RECURRENT, "layers": 2, "tied": True}),
    (GRULM, {**RECURRENT, "tied": True, "units": 6}),
    (LSTMLM, {**RECURRENT, "by_line": True}),
    (FeedForwardLM, {**TINY, "order": 3, "batch": 16, "sampled": 12}),
]


@pytest.mark.parametrize(("cls", "settings"), MODELS)
def test_a_reader_says_what_measuring_says(cls: type[NeuralLM], settings: dict[str, Any]) -> None:
    model = cls(epochs=1, **settings).fit(LINES)
    reader, found = model.reader(), []
    for score in model.scores(LINES[:3]):
        for token in [*model.tokenizer_.encode([score.text]).ids.tolist(), model.end]:
            logarithms = reader.logarithms()
            assert np.exp(logarithms).sum() == pytest.approx(1.0, rel=1e-5)
            found.append(logarithms[token])
            reader.read(token)
    lines = encode_lines(model.tokenizer_, Corpus.of(LINES[:3]))
    np.testing.assert_allclose(model.line_logarithms(lines), found, rtol=1e-4)


@pytest.mark.parametrize(("cls", "settings"), MODELS)
def test_a_small_text_is_learned_by_heart(cls: type[NeuralLM], settings: dict[str, Any]) -> None:
    model = cls(epochs=80, learning_rate=0.03, **{**settings, "units": 16, "dimensions": 16}).fit(LINES)
    first, last = model.history_[0]["loss"], model.history_[-1]["loss"]
    assert last < 0.45 * first


@pytest.mark.parametrize(("cls", "settings"), [MODELS[0], MODELS[3]])
def test_the_same_seed_gives_the_same_bits_on_any_threads(cls: type[NeuralLM], settings: dict[str, Any]) -> None:
    one, two = (
        cls(epochs=2, dropout=0.3, **{**settings, "threads": threads}).fit(LINES, dev=LINES[:2]) for threads in (1, 2)
    )
    for name, array in one.parameters_.items():
        np.testing.assert_array_equal(array, two.parameters_[name])
    assert one.perplexity(LINES) == two.perplexity(LINES)
    assert list(one.generate(tokens=9)) == list(two.generate(tokens=9))


@pytest.mark.parametrize(("cls", "settings"), [MODELS[0], MODELS[3]])
def test_resumed_is_uninterrupted(cls: type[NeuralLM], settings: dict[str, Any], tmp_path: Path) -> None:
    settings = {**settings, "schedule": "constant", "dropout": 0.2}
    whole = cls(epochs=4, **settings).fit(LINES)
    cls(epochs=2, **settings).fit(LINES, run=Run.create(tmp_path / "run"))
    resumed = cls(epochs=4, **settings).fit(LINES, run=Run.resume(tmp_path / "run"))
    for name, array in whole.parameters_.items():
        np.testing.assert_array_equal(array, resumed.parameters_[name])
    assert load(tmp_path / "run").perplexity(LINES) == whole.perplexity(LINES)
    with pytest.raises(InputError, match="units"):
        cls(epochs=4, **{**settings, "units": 7}).fit(LINES, run=Run.resume(tmp_path / "run"))


@pytest.mark.parametrize("cls", [RNNLM, LSTMLM, GRULM])
@pytest.mark.parametrize("layers", [1, 2])
def test_truncated_is_full_backpropagation_where_the_chunk_is_the_text(cls: type[RecurrentLM], layers: int) -> None:
    """The step's loss and gradients against a graph that is written out token by token."""
    model = cls(**{**RECURRENT, "layers": layers, "batch": 1, "chunk": 7, "optimizer": "sgd", "clip_norm": None})
    model.tokenizer_ = model.learn_tokenizer(Corpus.of(LINES))
    rng = np.random.default_rng(0)
    words = model.end + 1
    parameters = {n: rng.normal(size=shape) * 0.4 for n, shape in model.shapes(words).items()}
    ids, targets = rng.integers(words, size=(7, 1)), rng.integers(words, size=(7, 1))
    nodes = {n: input_node(n, Type("float", array.shape)) for n, array in parameters.items()}
    loss, inputs, _ = model.objective(nodes, undropped)
    start = {name: rng.normal(size=(1, 5)) for name in model.state_names()}
    given = {**parameters, **start, "ids": ids, "targets": targets, "fresh": np.int64(0)}
    found = _value_and_gradients(loss, nodes, inputs, given)

    states = {name: inputs[name] for name in model.state_names()}
    total = []
    for t in range(7):
        x = ops.take(nodes["E"], ids[t])
        for layer in range(1, layers + 1):
            names = [name for name in states if name[1:] == str(layer)]
            z = ops.matmul(x, nodes[f"W{layer}"]) + nodes[f"b{layer}"]
            u = ops.matmul(states[names[0]], nodes[f"U{layer}"])
            new = cell_update(model.cell, tuple(states[n] for n in names), z, u)
            states |= dict(zip(names, new, strict=True))
            x = new[0]
        total.append(ops.cross_entropy(ops.matmul(x, nodes["O"]) + nodes["c"], targets[t]))
    unrolled = ops.mean(ops.stack(total, 0))
    given = {name: value for name, value in given.items() if name in {*nodes, *start}}
    expected = _value_and_gradients(unrolled, nodes, {name: inputs[name] for name in start}, given)
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=1e-9, atol=1e-12)


def _value_and_gradients(loss: Any, nodes: dict[str, Any], inputs: dict[str, Any], given: dict[str, Any]) -> Any:
    gradients = dict(zip(nodes, gradient(loss, list(nodes.values())), strict=True))
    graph = Graph({**nodes, **inputs}, {"loss": loss, **{f"d_{n}": g for n, g in gradients.items()}})
    return evaluate(graph, given)


def test_columns_read_the_stream_in_order_and_begin_each_epoch_afresh() -> None:
    columns = Columns(np.arange(100), batch=3, time=5, seed=0)
    assert columns.steps == (95 // 3) // 5
    for epoch in range(3):
        read = [columns.batches(epoch, step, step + 1).step(0) for step in range(columns.steps)]
        assert [int(step["fresh"]) for step in read] == [1] + [0] * (columns.steps - 1)
        ids = np.concatenate([step["ids"] for step in read])
        np.testing.assert_array_equal(np.diff(ids, axis=0), 1)
        np.testing.assert_array_equal(np.concatenate([step["targets"] for step in read]), ids + 1)
    together = columns.batches(1, 0, columns.steps)
    np.testing.assert_array_equal(together.step(2)["ids"], columns.batches(1, 2, 3).step(0)["ids"])


@pytest.mark.parametrize("cls", [RNNLM, LSTMLM])
def test_a_dev_text_is_measured_in_columns_nearly_as_it_is_in_order(cls: type[RecurrentLM]) -> None:
    model = cls(epochs=3, **RECURRENT).fit(LINES)
    text = encode_lines(model.tokenizer_, Corpus.of(LINES * 60))
    in_order, in_columns = model.line_logarithms(text), model.dev_logarithms(text)
    np.testing.assert_allclose(in_columns, in_order, rtol=1e-3)
    assert in_columns.mean() == pytest.approx(in_order.mean(), rel=1e-6)
    first = len(in_order) // 32
    np.testing.assert_allclose(in_columns[:first], in_order[:first], rtol=1e-5)
    short = encode_lines(model.tokenizer_, Corpus.of(LINES))
    np.testing.assert_array_equal(model.dev_logarithms(short), model.line_logarithms(short))


def test_windows_are_the_tokens_before() -> None:
    windows = Windows(np.arange(10), 3)
    step = windows.pick(np.array([4, 0]), np.array([0, 2])).step(0)
    np.testing.assert_array_equal(step["ids"], [[4, 5, 6], [0, 1, 2]])
    np.testing.assert_array_equal(step["targets"], [7, 3])


def test_a_rate_falls_when_the_dev_set_gets_worse() -> None:
    model = RNNLM(
        **{**RECURRENT, "epochs": 6, "learning_rate": 0.5, "schedule": "constant", "anneal": 0.5, "patience": 9}
    )
    model.fit(LINES, dev=["a mat sat on a mat on a log"])
    worse = [not row["best"] for row in model.history_]
    assert any(worse[:-1])
    rates = [row["learning_rate"] for row in model.history_]
    np.testing.assert_allclose(rates, [0.5 * 0.5 ** sum(worse[:n]) for n in range(len(rates))])


def test_annealing_asks_for_a_dev_set() -> None:
    with pytest.raises(InputError, match=r"anneal=0.5 goes by .* a dev set"):
        RNNLM(**RECURRENT, anneal=0.5).fit(LINES)


def test_a_locked_mask_is_the_same_at_every_place() -> None:
    model = LSTMLM(**{**RECURRENT, "epochs": 2, "dropout": 0.5, "locked": True}).fit(LINES)
    plain = LSTMLM(**{**RECURRENT, "epochs": 2, "dropout": 0.5}).fit(LINES)
    assert model.history_[0]["loss"] != plain.history_[0]["loss"]
    assert math.isfinite(model.perplexity(LINES))


@pytest.mark.parametrize(
    ("cls", "settings", "sampling"),
    [
        (FeedForwardLM, {"order": 2, "batch": 16}, {}),
        (FeedForwardLM, {"order": 2, "batch": 16}, {"temperature": 1.7, "top_k": 5, "top_p": 0.8}),
        (GRULM, {"batch": 3, "chunk": 4}, {"temperature": 0.7}),
    ],
)
def test_drawing_follows_the_distribution(
    cls: type[NeuralLM], settings: dict[str, Any], sampling: dict[str, Any]
) -> None:
    """χ² of what is drawn, against the probabilities that a reader of the same text has at each place."""
    model = cls(epochs=4, learning_rate=0.02, **{**TINY, **settings}).fit(LINES)
    drawn = itertools.islice(model.draw([], Sampling(**sampling), "test", 1), 3000)
    reader, words = model.reader(), model.end + 1
    expected, variance, observed = np.zeros(words), np.zeros(words), np.zeros(words)
    for token in drawn:
        logarithms = reader.logarithms().copy()
        logarithms[model.tokenizer_.unknown] = -np.inf
        p = Sampling(**sampling).distribution(logarithms)
        assert p[token] > 0
        expected += p
        variance += p * (1 - p)
        observed[token] += 1
        reader.read(token)
    some = variance > 3
    z = (observed - expected)[some] / np.sqrt(variance[some])
    assert some.sum() >= 3
    assert np.abs(z).max() < 4


def test_panels_hold_the_columns_in_order() -> None:
    parameters: dict[str, Any] = {
        "E": np.ones((3, 2), np.float32),
        "b": np.ones(5),
        "W": np.arange(2 * 2100.0).reshape(2, 2100),
    }
    laid = drawing.laid_out(parameters)
    assert {name: array.shape for name, array in laid.items()} == drawing.laid_out_shapes(
        {name: array.shape for name, array in parameters.items()}
    )
    columns = laid["W"].swapaxes(0, 1).reshape(2, -1)
    np.testing.assert_array_equal(columns, np.pad(parameters["W"], [(0, 0), (0, columns.shape[1] - 2100)]))
    np.testing.assert_array_equal(laid["O"][0, :, :4], np.pad(parameters["E"].T, [(0, 0), (0, 1)]))
    assert laid["E"] is parameters["E"]


def test_a_model_that_stays_on_disk_draws_the_same(tmp_path: Path) -> None:
    model = RNNLM(epochs=1, **RECURRENT).fit(LINES)
    model.save(tmp_path)
    mapped = load(tmp_path, mapped=True)
    assert isinstance(mapped.parameters_["E"].base, np.memmap)
    assert list(mapped.generate(tokens=20)) == list(model.generate(tokens=20))


def test_drawing_does_not_depend_on_how_many_tokens_are_drawn_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    model = LSTMLM(epochs=2, **RECURRENT).fit(LINES)
    text = list(model.generate("the cat", tokens=30, seed=3))
    monkeypatch.setattr(drawing, "MOST", 1)
    assert list(model.generate("the cat", tokens=30, seed=3)) == text
    assert list(model.generate("the cat", tokens=30, seed=4)) != text
    assert list(model.generate("the cat", tokens=30, seed=3, attempt=1)) != text


def test_the_most_probable_tokens_are_drawn_at_temperature_0() -> None:
    model = RNNLM(epochs=20, learning_rate=0.03, **RECURRENT).fit(LINES)
    reader = model.reader()
    for token in itertools.islice(model.draw([], Sampling(temperature=0.0), "test", 1), 20):
        logarithms = reader.logarithms().copy()
        logarithms[model.tokenizer_.unknown] = -np.inf
        assert token == logarithms.argmax()
        reader.read(token)


def test_drawing_from_rounded_weights_is_that_of_a_model_with_rounded_weights() -> None:
    model = LSTMLM(epochs=3, **RECURRENT).fit(LINES)
    rounded = copy.deepcopy(model)
    rounded.parameters_ = {n: round_to_bf16(p) if p.ndim == 2 else p for n, p in model.parameters_.items()}
    assert list(model.generate(tokens=40, rounded=True)) == list(rounded.generate(tokens=40))


def test_read_by_line_a_line_does_not_depend_on_those_before() -> None:
    model = GRULM(epochs=2, **{**RECURRENT, "by_line": True}).fit(LINES)
    (alone,) = model.scores(LINES[2:3])
    np.testing.assert_allclose(model.scores(LINES)[2].logarithms, alone.logarithms, rtol=1e-5)
    stream = GRULM(epochs=2, **RECURRENT).fit(LINES)
    assert not np.allclose(stream.scores(LINES)[2].logarithms, stream.scores(LINES[2:3])[0].logarithms, rtol=1e-3)


def test_a_stream_in_a_file_is_trained_on_like_one_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {**RECURRENT, "epochs": 2}
    in_memory = RNNLM(**settings).fit(LINES)
    builders = []

    def spilling(dtype: Any) -> ArrayBuilder:
        builders.append(ArrayBuilder(dtype, limit_bytes=64))
        return builders[-1]

    monkeypatch.setattr(neural, "ArrayBuilder", spilling)
    in_file = RNNLM(**settings).fit(LINES)
    assert builders[0].spilled
    for name, array in in_memory.parameters_.items():
        np.testing.assert_array_equal(array, in_file.parameters_[name])


@pytest.mark.parametrize("fine_tune", [True, False])
def test_embeddings_begin_with_the_vectors_given_and_are_vectors_for_others(fine_tune: bool, tmp_path: Path) -> None:
    words = ["cat", "dog", "the", "</s>"]
    given = np.arange(28.0).reshape(4, 7) / 28
    model = LSTMLM(epochs=1, vectors=(words, given), fine_tune=fine_tune, **{**RECURRENT, "dimensions": None})
    model.fit(LINES)
    ids = [*model.tokenizer_.encode(["cat dog the"]).ids, model.end]
    assert np.array_equal(model.parameters_["E"][ids], given.astype(np.float32)) is not fine_tune
    np.testing.assert_allclose(model.parameters_["E"][ids], given, atol=0.02)
    assert model.report_["vectors"]["found"] == 3
    model.save(tmp_path / "run")
    vectors = open_vectors(tmp_path / "run")
    np.testing.assert_array_equal(vectors["dog"], model.parameters_["E"][ids[1]])
    assert load(tmp_path / "run").perplexity(LINES[:2]) == model.perplexity(LINES[:2])
    other = FeedForwardLM(epochs=1, vectors=str(tmp_path / "run"), fine_tune=False, **{**TINY, "dimensions": None})
    np.testing.assert_array_equal(other.fit(LINES).parameters_["E"][ids], model.parameters_["E"][ids])


class Heard(Progress):
    """Remembers what it is told of passes over texts."""

    def __init__(self) -> None:
        self.passes: list[tuple[str, int, float | None]] = []
        self.waits: list[str] = []

    def on_data(self, what: str, examples: int, fraction: float | None = None, unit: str = "texts") -> None:
        self.passes.append((what, examples, fraction))

    def on_wait(self, what: str) -> None:
        self.waits.append(what)


@pytest.mark.parametrize("cls", [NGramLM, FeedForwardLM, RNNLM])
def test_reading_and_measuring_say_how_far_they_have_come(cls: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "CHUNK", 5)
    monkeypatch.setattr(running, "STRETCH", 1)  # so 16 tokens at a time
    settings = {"tokens": "spaces", "order": 3} if cls is NGramLM else RECURRENT if cls is RNNLM else MODELS[0][1]
    heard = Heard()
    model = cls(**settings, **({} if cls is NGramLM else {"epochs": 1})).fit(LINES, progress=heard)
    assert [told for told in heard.passes if told[0] == "reading"][-1] == ("reading", 12, 1.0)
    assert [done for what, done, _ in heard.passes if what == "encoding"] == [5, 10, 12]
    assert heard.waits == ["counting" if cls is NGramLM else "compiling"]
    heard = Heard()
    found = model.evaluate(LINES, progress=heard)
    assert found == model.evaluate(LINES)
    measured = [fraction or 0.0 for what, _, fraction in heard.passes if what == "measuring"]
    assert len(measured) > 1
    assert measured == sorted(measured)
    assert measured[-1] == 1.0


def test_vectors_that_are_not_there_are_missed_before_the_text_is_read() -> None:
    heard = Heard()
    with pytest.raises(InputError, match=r"nowhere\.vec: there is no such file"):
        LSTMLM(vectors="nowhere.vec", **{**RECURRENT, "dimensions": None}).fit(LINES, progress=heard)
    assert heard.passes == []


@pytest.mark.parametrize(("cls", "settings"), [MODELS[0], MODELS[3]])
def test_watching_changes_no_weight(cls: type[NeuralLM], settings: dict[str, Any]) -> None:
    watched = cls(epochs=2, watch=1, dropout=0.2, **settings).fit(LINES)
    plain = cls(epochs=2, dropout=0.2, **settings).fit(LINES)
    for name, array in plain.parameters_.items():
        np.testing.assert_array_equal(array, watched.parameters_[name])
    assert plain.health_ == []
    assert [record["update"] for record in watched.health_] == list(range(watched.history_[-1]["step"]))
    assert all(record["gradients"]["E"] > 0 and record["updates"]["E"] > 0 for record in watched.health_)


def test_models_are_copied_without_their_programs() -> None:
    model = GRULM(epochs=1, **RECURRENT).fit(LINES)
    before = model.perplexity(LINES)
    assert copy.deepcopy(model).perplexity(LINES) == before


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: LSTMLM(**{**RECURRENT, "batch": 50}).fit(LINES), "too few for one step of 50 columns of 4"),
        (lambda: LSTMLM(dropout=1.0).fit(LINES), "below 1"),
        (lambda: FeedForwardLM(order=1).fit(LINES), "at least 2"),
        (lambda: FeedForwardLM(direct=True, sampled=9).fit(LINES), "do not go with sampled"),
        (lambda: LSTMLM(fine_tune=False).fit(LINES), "needs vectors"),
        (lambda: LSTMLM(vectors=(["cow"], np.ones((1, 4)))).fit(LINES), "none of the 1 words"),
    ],
)
def test_bad_input(call: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()
