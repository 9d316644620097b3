"""What neural language models share: fitting, files, and how a network becomes a training step."""

# `setting` declares a field, as dataclasses.field does

from __future__ import annotations

import dataclasses
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self, cast

import numpy as np
from numpy.typing import NDArray

from lexgrad import ops
from lexgrad.errors import InputError
from lexgrad.graph import Graph, Node, Type, input_node
from lexgrad.models.language.base import LanguageModel
from lexgrad.models.language.drawing import (
    TOKEN,
    State,
    drawing_graph,
    drawn_tokens,
    laid_out,
    laid_out_nodes,
    product,
    without,
)
from lexgrad.models.language.lines import Lines, encode_lines, with_ends
from lexgrad.models.language.measures import measures
from lexgrad.models.language.sampling import Sampling
from lexgrad.models.language.streams import KEY
from lexgrad.models.settings import setting
from lexgrad.models.storage import require_same, settings_to_json
from lexgrad.models.trained import TrainedModel
from lexgrad.nn.initialisers import generator
from lexgrad.nn.losses import l2_penalty
from lexgrad.nn.optimisers import optimiser
from lexgrad.nn.schedules import Schedule
from lexgrad.text.corpus import Corpus
from lexgrad.text.tokenizer import Tokenizer
from lexgrad.train.batches import Examples
from lexgrad.train.engine import DTYPES, Applier, Runner, runner
from lexgrad.train.loop import Plan, train
from lexgrad.train.position import Arrays, Position
from lexgrad.train.progress import Progress
from lexgrad.train.run import TOKENIZER, Run
from lexgrad.train.step import Objective, TrainingStep, build_step, initial_state, step_input

Float = NDArray[np.float64]
Drop = Callable[[Node], Node]
LOGARITHMS = "logarithms"


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class NeuralLM(LanguageModel, TrainedModel):
    """A language model that gradient descent trains on the mean of −log P over tokens, ends of lines included.

    Words seen fewer than ``min_count`` times in training are the unknown word, so that it is learned like any other.
    """

    usual_l2: ClassVar[float] = 0.0

    dimensions: int = setting(200, "width of the embeddings", least=1)
    dropout: float = setting(0.0, "share of units set to zero while training", least=0)
    tied: bool = setting(False, "whether the embeddings are the output's weights as well")
    init_std: float = setting(0.05, "deviation of the embeddings before training", least=0)
    anneal: float = setting(1.0, "an epoch that is not the best yet on the dev set multiplies the rate by it", least=0)

    min_count: int = setting(2, "words seen fewer times than this are the unknown word", least=1)
    monitor: str = setting("loss", "what on the dev set is watched", choices=("loss", "perplexity"))
    optimizer: str = setting(
        "adam", "the update rule", choices=("sgd", "momentum", "nesterov", "adagrad", "adadelta", "adam", "adamw")
    )
    learning_rate: float = setting(0.002, "step size of the first step (after warm-up)", least=0)

    # ---- what a network defines -----------------------------------------------------------------------------

    @abstractmethod
    def shapes(self, words: int) -> dict[str, tuple[int, ...]]:
        """Return the shape of each parameter by name; ``words`` is how many tokens there are, the end of a line too."""

    @abstractmethod
    def initial(self, name: str, shape: tuple[int, ...]) -> Float:
        """Return a parameter before the first step."""

    @abstractmethod
    def objective(self, parameters: Mapping[str, Node], drop: Drop) -> tuple[Node, dict[str, Node], dict[str, Node]]:
        """Return the mean loss of a batch, the nodes of the batch, and what is carried to the next step."""

    @abstractmethod
    def examples(self, texts: Lines, key: NDArray[np.int64] | None) -> Examples:
        """Return what a training reads."""

    @abstractmethod
    def measuring_graph(self) -> Graph:
        """The graph that ``line_logarithms`` runs."""

    @abstractmethod
    def advance(self, parameters: Mapping[str, Node], token: Node, state: State) -> tuple[Node, State]:
        """Return the logits (V,) of what comes after ``token``, an int scalar, and the state behind it.

        The parameters are as ``laid_out`` has them.
        """

    @abstractmethod
    def state_types(self) -> dict[str, Type]:
        """What goes on from token to token."""

    @abstractmethod
    def first_state(self) -> dict[str, NDArray[Any]]:
        """Return the state before a text, whose first line an end of a line comes before."""

    def dev_logarithms(self, lines: Lines) -> Float:
        """Return what ``line_logarithms`` does, or nearly so: what is watched between epochs, which has to be quick."""
        return self.line_logarithms(lines)

    def carried_start(self) -> dict[str, NDArray[Any]]:
        """Return what is carried before the first step."""
        return {}

    # ---- fitting ------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """See Model.check."""
        if self.dropout >= 1:
            raise InputError(f"setting 'dropout' of {type(self).__name__} is below 1; got {self.dropout!r}")

    def fit(
        self, X: Any, y: Any = None, *, dev: Any = None, run: Run | None = None, progress: Progress | None = None
    ) -> Self:
        """Train on a text.

        Args:
            X: a Corpus, a table, or a list of lines.
            y: nothing.
            dev: a text that is measured after every epoch; the best weights are kept (see ``patience``, ``anneal``).
            run: as for classifiers.
            progress: told about everything as it happens.

        Raises:
            InputError: unusable text or settings, or a run directory that belongs to another training.
            Interrupted: Ctrl-C; the state is saved where there is a run directory.
            NonFiniteError: the loss became infinite or not a number.
        """
        self._check_settings()
        progress = progress or Progress()
        corpus, held_out = Corpus.of(X), None if dev is None else Corpus.of(dev)
        data = {"train": corpus.fingerprint(), "dev": held_out.fingerprint() if held_out else None}
        config = {"model": self.name, "settings": settings_to_json(self), "data": data}
        if run is not None and run.resuming:
            require_same(run, config, self.schedule_kind())
        self.__dict__.pop("_programs", None)  # those of other words
        self.tokenizer_ = self.learn_tokenizer(corpus)
        lines = encode_lines(self.tokenizer_, corpus, progress)
        if run is not None:
            run.path.mkdir(parents=True, exist_ok=True)
            self.tokenizer_.save(run.path / TOKENIZER)
            run.write_config(config)
        key = np.asarray(generator(self.seed, "dropout").integers(2**31), np.int64) if self.dropout else None
        examples = self.examples(lines, key)
        measure = None if held_out is None else self._measure(encode_lines(self.tokenizer_, held_out))
        start = self._start(run)
        began = time.monotonic()
        end = train(self._step(), examples, start, self._plan(examples), measure=measure, run=run, progress=progress)
        self._keep(end, start, time.monotonic() - began)
        if run is not None:
            run.write_model(self.parameters_)
        return self

    def _plan(self, examples: Examples) -> Plan:
        return Plan(
            epochs=self.epochs,
            rate=Schedule(self.learning_rate, self.schedule_kind(), self.epochs * examples.steps, self.warmup),
            patience=self.patience,
            monitor=self.monitor,
            averaging=self.averaging,
            anneal=self.anneal,
        )

    def _step(self) -> TrainingStep:
        parameters = self._parameter_nodes()
        key, step = input_node(KEY, Type("int")), step_input()
        layer = iter(range(1000))  # each use of dropout draws from a stream of its own
        drop = lambda x: ops.dropout(x, self.dropout, key + next(layer), step) if self.dropout else x  # noqa: E731
        loss, inputs, carried = self.objective(parameters, drop)
        decoupled = self.optimizer == "adamw"
        decays = lambda name: not name.startswith(("b", "c"))  # noqa: E731
        objective = Objective(
            loss=loss,
            penalty=None if decoupled else l2_penalty(parameters, self.l2_strength(), decays),
            inputs={**inputs, **({KEY: key} if self.dropout else {})},
            parameters=parameters,
            trained=tuple(parameters),
            step=step,
            carried=carried,
        )
        decay = self.l2_strength() if decoupled else 0.0
        rule = optimiser(self.optimizer, momentum=self.momentum, weight_decay=decay, lazy=self.lazy)
        graph = build_step(objective, rule, clip_norm=self.clip_norm, clip_value=self.clip_value, decays=decays)
        return TrainingStep(graph, objective.trained, self.precision, self.threads)

    def _parameter_nodes(self) -> dict[str, Node]:
        shapes = self.shapes(self.end + 1)
        return {name: input_node(name, Type("float", shape)) for name, shape in shapes.items()}

    def output(self, parameters: Mapping[str, Node], h: Node) -> Node:
        """What the last hidden units h say of every token, before the bias c: h O, or tied, h P Eᵀ.

        (n, V) of h (n, units), or of one vector (V,), with weights as ``laid_out`` has them.
        """
        if not self.tied:
            return product(h, parameters["O"])
        h = product(h, parameters["P"]) if "P" in parameters else h
        E = parameters["E"]
        return product(h, E if h.ndim == 1 else ops.transpose(E))

    def _start(self, run: Run | None) -> Position:
        position = run.load() if run is not None and run.resuming else None
        if position is not None:
            stopped = position.stopped_early and position.worse >= self.patience
            return dataclasses.replace(position, stopped_early=stopped)
        dtype = DTYPES[self.precision]
        shapes = self.shapes(self.end + 1)
        parameters = {n: np.asarray(self.initial(n, shape), dtype, order="C") for n, shape in shapes.items()}
        rule = optimiser(self.optimizer, momentum=self.momentum)
        carried = {name: array.astype(dtype) for name, array in self.carried_start().items()}
        return Position(parameters, {**initial_state(rule, parameters, tuple(parameters)), **carried})

    def _measure(self, lines: Lines) -> Callable[[Arrays], Mapping[str, Any]]:
        unknown = self._unknown(lines)

        def measure(parameters: Arrays) -> Mapping[str, Any]:
            self.parameters_ = dict(parameters)
            return measures(lines, self.dev_logarithms(lines), unknown)

        return measure

    def _keep(self, end: Position, start: Position, seconds: float) -> None:
        rows = [dict(row) for row in end.rows]
        self.parameters_ = dict(end.kept)
        self.history_ = rows
        tokens = sum(row["tokens"] for row in rows[len(start.rows) :]) - start.tokens
        self.report_ = {
            "epochs": end.epoch,
            "parameters": sum(int(array.size) for array in self.parameters_.values()),
            "train_seconds": round(seconds, 4),
            "examples_per_second": round(tokens / seconds, 1) if seconds else 0.0,
            "tokens_per_second": round(tokens / seconds, 1) if seconds else 0.0,
        }

    def graphs(self) -> dict[str, Callable[[], Graph]]:
        """What makes each graph that the trained model runs, by name."""

        def draw(cut: bool) -> Callable[[], Graph]:
            return lambda: drawing_graph(self.advance, self.shapes(self.end + 1), self.state_types(), cut=cut)

        return {
            "measure": self.measuring_graph,
            "read": self.reading_graph,
            "draw": draw(False),
            "draw among": draw(True),
        }

    def reading_graph(self) -> Graph:
        """The graph of one token: log P of every token that may come after it, and the state; weights laid out."""
        parameters = laid_out_nodes(self.shapes(self.end + 1))
        token = input_node(TOKEN, Type("int"))
        state = {name: input_node(name, type) for name, type in self.state_types().items()}
        logits, after = self.advance(parameters, token, state)
        return Graph({**parameters, TOKEN: token, **state}, {LOGARITHMS: ops.log_softmax(logits), **after}, name="read")

    def reader(self) -> TokenReader:
        """See LanguageModel.reader."""
        self._require_fitted()
        return TokenReader(self.applier("read"), self.laid_out(), self.first_state(), self.end)

    def draw(
        self, prompt: Sequence[int], sampling: Sampling, stream: str, seed: int, rounded: bool = False
    ) -> Iterator[int]:
        """See LanguageModel.draw."""
        key = int(generator(seed, stream).integers(2**31))
        apply = self.applier("draw among" if sampling.cuts else "draw", rounded)
        parameters = self._laid("drawing", lambda: without(self.laid_out(), self.tokenizer_.unknown))
        return drawn_tokens(apply, parameters, self.first_state(), self.end, prompt, sampling, key, self.end + 1)

    def laid_out(self) -> dict[str, NDArray[Any]]:
        """The parameters as readers want them."""
        return self._laid("reading", lambda: laid_out(self.parameters_))

    def _laid(self, name: str, make: Callable[[], dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
        """What ``make`` makes of the parameters, kept until there are others."""
        kept: dict[str, Any] = self.__dict__.setdefault("_laid_out", {})
        if kept.get("of") is not self.parameters_:
            kept.clear()
            kept["of"] = self.parameters_
        if name not in kept:
            kept[name] = make()
        return dict(kept[name])

    def applier(self, name: str, rounded: bool = False) -> Applier:
        """What runs a graph of ``graphs`` again and again on the same parameters; made when it is first asked for.

        Args:
            name: a key of ``graphs``.
            rounded: whether matrices are stored as bf16 for it.
        """
        programs: dict[Any, Any] = self.__dict__.setdefault("_programs", {})
        if (name, rounded) not in programs:
            graph, precision = self.graphs()[name](), "fp32" if self.precision == "bf16" else self.precision
            shapes = self.shapes(self.end + 1)
            halved = [name for name, shape in shapes.items() if len(shape) == 2] if rounded else ()
            programs[name, rounded] = Applier(graph, tuple(shapes), precision, self.threads, halved)
        return cast("Applier", programs[name, rounded])

    def program(self, name: str) -> Runner:
        """What runs a graph of ``graphs``; made when it is first asked for."""
        programs: dict[str, Runner] = self.__dict__.setdefault("_programs", {})
        if name not in programs:
            graph = self.graphs()[name]()
            # bf16 is for training alone: what it learned predicts anywhere.
            precision = "fp32" if self.precision == "bf16" else self.precision
            programs[name] = runner(graph, precision, self.threads)
        return programs[name]

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled and copied: not the programs, which are made again when they are asked for."""
        return {name: value for name, value in vars(self).items() if name not in ("_programs", "_laid_out")}

    # ---- text as a stream ---------------------------------------------------------------------------------------

    def stream(self, lines: Lines, before: int) -> NDArray[np.int64]:
        """Return all lines and their ends as one run of ids, with ``before`` ends of lines in front."""
        ids, _ = with_ends(lines.texts, self.end)
        return np.concatenate([np.full(before, self.end), ids])

    # ---- files --------------------------------------------------------------------------------------------------

    def write_into(self, run: Run) -> None:
        """See Model.write_into."""
        run.path.mkdir(parents=True, exist_ok=True)
        self.tokenizer_.save(run.path / TOKENIZER)
        run.write_config({"model": self.name, "settings": settings_to_json(self), "data": {}})
        run.write_metrics(self.history_)
        run.write_model(self.parameters_)

    def read_from(self, run: Run, config: Mapping[str, Any]) -> None:
        """See Model.read_from."""
        self.tokenizer_ = Tokenizer.load(run.path / TOKENIZER)
        arrays = run.read_model()
        for name, shape in self.shapes(self.end + 1).items():
            found = arrays[name].shape if name in arrays else None
            if found != shape:
                got = "is missing" if found is None else f"has shape {found}"
                raise InputError(
                    f"{run.path}: parameter {name} {got}, expected {shape}: the files do not belong together"
                )
        self.parameters_ = arrays
        self.history_ = run.read_metrics()


class TokenReader:
    """See Reader; the end of a line is a token like any other.

    Args:
        apply: runs a reading graph.
        parameters: laid out.
        state: before the text.
        end: the end of a line, which comes before the first.
    """

    def __init__(
        self, apply: Applier, parameters: Mapping[str, NDArray[Any]], state: Mapping[str, NDArray[Any]], end: int
    ) -> None:
        self._apply, self._parameters, self._state = apply, parameters, dict(state)
        self.read(end)

    def logarithms(self) -> Float:
        """See Reader.logarithms."""
        return self._found

    def read(self, token: int) -> None:
        """See Reader.read."""
        out = self._apply(self._parameters, {TOKEN: np.asarray(token, np.int64), **self._state})
        self._state = {name: out[name] for name in self._state}
        self._found = np.asarray(out[LOGARITHMS], np.float64)
