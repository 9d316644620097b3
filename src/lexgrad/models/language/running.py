"""What runs a trained neural language model: the programs that measure, read and draw, and when they are made."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from lexgrad import ops
from lexgrad.graph import Graph, Node, Type, input_node
from lexgrad.models.language.base import LanguageModel
from lexgrad.models.language.drawing import (
    TOKEN,
    State,
    drawing_graph,
    drawn_tokens,
    laid_out,
    laid_out_nodes,
    laid_out_shapes,
    without,
)
from lexgrad.models.language.sampling import Sampling
from lexgrad.models.trained import TrainedModel
from lexgrad.nn.initialisers import generator
from lexgrad.train.engine import Applier, Runner, runner

Float = NDArray[np.float64]
LOGARITHMS = "logarithms"
STRETCH, MOST_LOGITS = 1024, 1 << 24  # tokens that are measured at a time, and their logits at most


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class RunningLM(LanguageModel, TrainedModel):
    """A language model whose parameters graphs read."""

    # ---- what a network defines -----------------------------------------------------------------------------

    @abstractmethod
    def shapes(self, words: int) -> dict[str, tuple[int, ...]]:
        """Return the shape of each parameter by name; ``words`` is how many tokens there are, the end of a line too."""

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

    # ---- programs -----------------------------------------------------------------------------------------------

    @property
    def stretch(self) -> int:
        """How many tokens are measured at a time."""
        return max(16, min(STRETCH, MOST_LOGITS // (self.end + 1)))

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
            shapes = laid_out_shapes(self.shapes(self.end + 1))
            halved = [name for name, shape in shapes.items() if len(shape) > 1] if rounded else ()
            programs[name, rounded] = Applier(graph, tuple(shapes), precision, self.threads, halved, steady=True)
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
