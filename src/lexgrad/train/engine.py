"""What runs a graph: the compiled program, or the interpreter where it is asked for."""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lexgrad.compile import Fixed, Program, Rows
from lexgrad.compile.arrays import Precision
from lexgrad.compile.machine import host
from lexgrad.debugging import asked
from lexgrad.errors import InputError
from lexgrad.evaluate import Interpreter, round_to_bf16
from lexgrad.graph import Graph
from lexgrad.train.batches import Inputs, part_of

Array = NDArray[Any]
Apply = Callable[[Mapping[str, ArrayLike]], Mapping[str, Array]]
DTYPES = {"fp32": np.float32, "fp64": np.float64, "bf16": np.float32}
ENGINES = ("compiled", "interpreter")


class Runner(Protocol):
    """Runs a graph on inputs by name and returns its outputs by name."""

    def run(self, inputs: Mapping[str, ArrayLike]) -> dict[str, Array]:
        """Return the outputs by name."""
        ...


def engine_name() -> str:
    """``LEXGRAD_ENGINE``: ``compiled`` (the default) or ``interpreter``; looking for NaN needs the interpreter.

    Raises:
        InputError: it is set to anything else.
    """
    name = os.environ.get("LEXGRAD_ENGINE", ENGINES[0])
    if name not in ENGINES:
        raise InputError(f"LEXGRAD_ENGINE is one of {', '.join(ENGINES)}; got {name!r}")
    return "interpreter" if asked("nonfinite") else name


def require_precision(precision: str) -> None:
    """Refuse to train in a precision that would only cost time on this processor.

    Raises:
        InputError: it is bf16, and the processor does not multiply bf16.
    """
    if precision == "bf16" and engine_name() == "compiled":
        from lexgrad.compile.packing import require_bf16

        require_bf16(host())


def runner(
    graph: Graph,
    precision: str,
    threads: int | None = None,
    halved: Collection[str] = (),
    steady: Collection[str] = (),
) -> Runner:
    """What runs ``graph`` in a precision, a key of ``DTYPES``; inputs are left as they are. See ``Program``."""
    width = cast(Precision, precision)
    if engine_name() == "interpreter":
        return Interpreter(graph, width)
    return Program(graph, width, threads, halved=halved, steady=steady)


class Applier:
    """Runs a graph again and again: on parameters that seldom change, and on other inputs that always do.

    Args:
        graph: of a prediction, say.
        parameters: which inputs are the parameters.
        precision: a key of ``DTYPES``.
        threads: as in ``Program``.
        halved: as in ``Program``: among the parameters, those that are read as bf16.
        panels: whether matrices among the parameters may be stored in panels, as ``Program``'s ``steady`` inputs may.
        steady: whether a parameter is another array where its values are others; one that was copied cannot be written
            to any more, for it would not be noticed. Else arrays may be written to between calls.
    """

    def __init__(
        self,
        graph: Graph,
        parameters: Iterable[str],
        precision: str,
        threads: int | None = None,
        halved: Collection[str] = (),
        *,
        panels: bool = False,
        steady: bool = False,
    ) -> None:
        self.graph = graph
        self.parameters = tuple(parameters)
        self._halved, self._steady = frozenset(halved), steady
        self._run = runner(graph, precision, threads, halved, steady=self.parameters if panels else ())
        self._fixed: Fixed | None = None
        self._given: list[Array] = []
        self._copied: list[str] = []

    def __call__(self, parameters: Mapping[str, Array], inputs: Mapping[str, ArrayLike]) -> Mapping[str, Array]:
        """Return the outputs by name."""
        return self.on(parameters)(inputs)

    def on(self, parameters: Mapping[str, Array], *, lent: bool = False) -> Apply:
        """Return what gives the outputs by name from the other inputs, as long as parameters stay as they are now.

        Outputs that are ``lent`` may be written over by the next call, and one thread may call at a time.
        """
        if not isinstance(self._run, Program):
            own = {name: parameters[name] for name in self.parameters}
            rounded = {name: round_to_bf16(np.asarray(own[name])) for name in self._halved}
            return lambda inputs: self._run.run({**own, **rounded, **inputs})
        given = list(map(parameters.__getitem__, self.parameters))
        if self._fixed is None or not all(map(operator.is_, given, self._given)):
            self._fixed, self._given = self._run.fixed(dict(zip(self.parameters, given, strict=True))), given
            read = self._fixed.inputs
            self._copied = [name for name in self.parameters if read[name] is not parameters[name]]
            if self._steady:
                for name in self._copied:
                    parameters[name].flags.writeable = False
        elif self._copied and not self._steady:
            self._fixed.read_again({name: parameters[name] for name in self._copied})
        return self._fixed.lend if lent else self._fixed


class Updater:
    """Runs a graph some of whose outputs are the next values of inputs of the same names, many steps at a time.

    Compiled, the arrays of those inputs are updated in place: the first call copies what it is given, and from then on
    what a call returns is what the next one should be given.

    Args:
        graph: a training step.
        precision: a key of ``DTYPES``.
        threads: as in ``Program``.
    """

    def __init__(self, graph: Graph, precision: str, threads: int | None = None) -> None:
        self.graph = graph
        self.updated = tuple(name for name in graph.outputs if name in graph.inputs)
        self._own: dict[str, Array] = {}
        self._interpreter: Interpreter | None = None
        self._program: Program | None = None
        width = cast(Precision, precision)
        if engine_name() == "interpreter":
            self._interpreter = Interpreter(graph, width)
        else:
            self._program = Program(graph, width, threads, {name: name for name in self.updated})

    def __call__(self, inputs: Inputs, steps: int) -> dict[str, Array]:
        """Run several steps, one behind the other.

        Args:
            inputs: by name; ``Rows`` are what each step reads, an array serves all. What is updated is an array.
            steps: how many.

        Returns:
            outputs by name: the last values of those that are updated, and of each other (steps, …) its values.
        """
        if self._program is None:
            assert self._interpreter is not None
            return self._one_by_one(self._interpreter.run, inputs, steps)
        given: dict[str, Array | Rows] = {}
        for name in self.graph.inputs:
            value = inputs[name]
            if isinstance(value, Rows):
                given[name] = value
                continue
            if name in self.updated and value is not self._own.get(name):
                value = self._own[name] = self._program.prepared(name, value, copy=True)
            given[name] = self._program.prepared(name, value)
        if self._program.donation.copied:  # such outputs find their place only when a step is over
            return self._one_by_one(self._launched, given, steps)
        return self._program.bind(given, steps)()

    def _launched(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        assert self._program is not None
        given = {name: self._program.prepared(name, array) for name, array in inputs.items()}
        return self._program.launch([given])[0]

    def _one_by_one(
        self, run: Callable[[Mapping[str, Array]], dict[str, Array]], inputs: Inputs, steps: int
    ) -> dict[str, Array]:
        latest: dict[str, Array] = {}
        others: list[dict[str, Array]] = []
        for number in range(steps):
            out = run(part_of(inputs, number) | latest)
            latest = {name: out.pop(name) for name in self.updated}
            others.append(out)
        return latest | {name: np.stack([out[name] for out in others]) for name in others[0]}
