"""``lexgrad.compile``: a Python function as machine code, with everything in between to look at."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from lexgrad.compile.arrays import Precision
from lexgrad.compile.program import Program, check_settings
from lexgrad.errors import InputError
from lexgrad.graph import Graph, Type
from lexgrad.ops import type_of
from lexgrad.trace import Traced, TreeShape, trace_with_trees, tree_flatten, tree_unflatten


class Compiled:
    """A compiled function; called like the function it was made of.

    Attributes of the code are there once it exists: at once where example arguments were given, else after the first
    call. A call with arguments of other types or numbers of axes compiles anew; named sizes may vary freely.
    """

    def __init__(
        self, function: Callable[..., Any], examples: tuple[Any, ...], precision: Precision, threads: int | None
    ) -> None:
        functools.update_wrapper(self, function)
        check_settings(precision, threads)
        self.function = function
        self.precision: Precision = precision
        self.threads = threads
        self._made: dict[Any, tuple[Traced, Program]] = {}
        self._declared = bool(examples)
        self._latest: tuple[Traced, Program] | None = self._make(examples) if examples else None

    def __call__(self, *arguments: Any) -> Any:
        """Run on numbers, arrays or trees of them; returns arrays in the tree that the function returns.

        Raises:
            InputError: the arguments do not fit the types that were declared.
        """
        leaves, shape = tree_flatten(list(arguments))
        traced, program = self._fitting(arguments, leaves, shape)
        values = program.run(dict(zip(program.graph.inputs, leaves.values(), strict=True)))
        return tree_unflatten(traced.result, list(values.values()))

    def _fitting(self, arguments: tuple[Any, ...], leaves: dict[str, Any], shape: TreeShape) -> tuple[Traced, Program]:
        if self._declared and self._latest is not None:
            if shape.children != self._latest[0].arguments.children:
                wanted = ", ".join(self.graph.inputs)
                raise InputError(
                    f"{self.graph.name} was compiled for the arguments {wanted}; got {shape.leaves} arrays in another"
                    " arrangement"
                )
            return self._latest
        key = (shape, tuple(type_of(leaf) for leaf in leaves.values()))
        if key not in self._made:
            self._made[key] = self._make(arguments)
        self._latest = self._made[key]
        return self._latest

    def _make(self, examples: tuple[Any, ...]) -> tuple[Traced, Program]:
        traced = trace_with_trees(self.function, *examples)
        return traced, Program(traced.graph, self.precision, self.threads)

    def __repr__(self) -> str:
        name = getattr(self.function, "__name__", repr(self.function))
        return f"<compiled {name}: {self._latest[1].graph!r}>" if self._latest else f"<compiled {name}: not called yet>"

    @property
    def program(self) -> Program:
        """The machine code and how it runs.

        Raises:
            InputError: nothing has been compiled yet.
        """
        if self._latest is None:
            raise InputError("nothing is compiled yet: call it once, or give example arguments to lexgrad.compile")
        return self._latest[1]

    @property
    def graph(self) -> Graph:
        """The graph of the function."""
        return self.program.graph

    @property
    def pseudocode(self) -> str:
        """The kernels as readable loops."""
        return self.program.pseudocode

    @property
    def llvm(self) -> str:
        """The program as LLVM text, before LLVM's own optimisations."""
        return self.program.llvm

    @property
    def assembly(self) -> str:
        """The machine code as text."""
        return self.program.assembly

    def memory_plan(self, **sizes: int) -> str:
        """Which buffer lies where, for given named sizes.

        Raises:
            InputError: a named size is missing.
        """
        return self.program.memory_plan(**sizes)


def compile(
    function: Callable[..., Any], *examples: Any | Type, precision: Precision = "fp32", threads: int | None = None
) -> Compiled:
    """Compile a function of lexgrad's operations to machine code.

    Args:
        function: any function that can be traced.
        examples: for each argument a Type (whose shape may have named sizes), an array or a tree of them; without
            them, the first call decides.
        precision: ``"fp32"``, ``"fp64"``, or ``"bf16"``: fp32, but the operands of matrix products are rounded to
            bf16. It is fast on processors that multiply bf16, with AMX or AVX512-BF16, and works on all.
        threads: how many threads run it; as many as there are processors by default. The results do not depend on it.

    Raises:
        InputError: an unknown precision, a number of threads below 1, or a function that cannot be traced.
    """
    return Compiled(function, examples, precision, threads)
