"""A compiled graph: buffers bound to arrays, and a launch of one or many steps on one or many threads."""

from __future__ import annotations

import ctypes
import functools
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

import lexgrad
from lexgrad.compile.assemble import program_text
from lexgrad.compile.cache import cached
from lexgrad.compile.loops import Kernel, pseudocode
from lexgrad.compile.lower import STATUS, Lowered, lower
from lexgrad.compile.machine import Loaded, Processor, host, object_code, optimise, target_machine
from lexgrad.compile.memory import ALIGNMENT, barriers, plan
from lexgrad.compile.merge import merge
from lexgrad.compile.products import tiles
from lexgrad.errors import InputError, suggest
from lexgrad.evaluate import bind_sizes, constant_value
from lexgrad.graph import CONSTANT, Dim, DType, Graph, resolve

_WORK_OF_A_THREAD = 4_000_000  # scalar operations; about a millisecond of one core
Precision: TypeAlias = Literal["fp32", "fp64"]
Array: TypeAlias = NDArray[Any]

_FP = {"fp32": "float", "fp64": "double"}
_DTYPES: dict[str, dict[str, Any]] = {
    "fp32": {"float": np.float32, "int": np.int64, "bool": np.bool_},
    "fp64": {"float": np.float64, "int": np.int64, "bool": np.bool_},
}


class Program:
    """A graph as machine code.

    Args:
        graph: what to compile.
        precision: ``"fp32"`` or ``"fp64"``: how many bits floats have.
        threads: how many threads run it; the results are the same, bit for bit, for any number.
        donated: outputs that take the place of inputs: after a run the input's array holds the output.
        processor: what to generate code for; this machine's by default.

    Attributes:
        compile_seconds: how long it took to make the code, or to fetch it from the cache.
    """

    def __init__(
        self,
        graph: Graph,
        precision: Precision = "fp32",
        threads: int | None = None,
        donated: Mapping[str, str] | None = None,
        processor: Processor | None = None,
    ) -> None:
        if precision not in _FP:
            raise InputError(f"precision is one of {', '.join(_FP)}; got {precision!r}")
        self.graph = graph
        self.precision = precision
        self.threads = threads or os.cpu_count() or 1
        self.processor = processor or host()
        self.dtypes = _DTYPES[precision]
        begun = time.perf_counter()
        self._lower(dict(donated or {}))
        self.llvm = self._text()
        self._load()
        self.compile_seconds = time.perf_counter() - begun

    # --- making it

    def _lower(self, donated: dict[str, str]) -> None:
        lowered = lower(self.graph)
        self._lowered = lowered
        self._inputs = {name: lowered.names[node] for name, node in self.graph.inputs.items() if node in lowered.names}
        self._outputs = {
            name: lowered.names[lowered.views.get(node, node)] for name, node in self.graph.outputs.items()
        }
        self.kernels = _outputs_last(lowered, set(self._outputs.values()))
        self._donated = {self._outputs[out]: self._inputs[given] for out, given in donated.items()}
        self.copied = [out for out in donated if not self._in_place(self._outputs[out])]
        for out in self.copied:
            del self._donated[self._outputs[out]]
        self.kernels = merge(self.kernels)
        self._copies = {out: donated[out] for out in self.copied}
        fixed = {*self._inputs.values(), *self._outputs.values()}
        self._constants = {
            name: np.ascontiguousarray(constant_value(node).astype(self.dtypes[node.type.dtype]))
            for name, node in lowered.buffers.items()
            if node.primitive is CONSTANT
        }
        scratch = {
            name: node for name, node in lowered.buffers.items() if name not in fixed and name not in self._constants
        }
        widths = {name: np.dtype(self.dtypes[node.type.dtype]).itemsize for name, node in lowered.buffers.items()}
        self.memory = plan(self.kernels, scratch, widths)
        places: dict[str, object] = {STATUS: STATUS}
        for name in lowered.buffers:
            slot = self.memory.slots.get(name)
            places[name] = self._donated.get(name, name) if slot is None else slot
        self._places = places
        self._buffers = [*lowered.buffers, STATUS]
        self.barriers = barriers(self.kernels, places)
        self.sizes = sorted(
            {name for node in self.graph.nodes for size in node.shape if isinstance(size, Dim) for name in size.names}
        )

    def _in_place(self, output: str) -> bool:
        """Whether an output may be written over the input it is donated."""
        given = self._donated[output]
        writers = [i for i, kernel in enumerate(self.kernels) if any(a.buffer == output for a in kernel.writes)]
        readers = [i for i, kernel in enumerate(self.kernels) if any(a.buffer == given for a in kernel.reads)]
        if not writers or any(reader > writers[0] for reader in readers):
            return False
        return all(a.exact for a in self.kernels[writers[0]].reads if a.buffer == given)

    def _text(self) -> str:
        dtypes: dict[str, DType] = {name: node.type.dtype for name, node in self._lowered.buffers.items()}
        dtypes[STATUS] = "int"
        tile = tiles(self.processor.vector_bits, self.processor.registers, _FP[self.precision])
        return program_text(
            self.kernels,
            dtypes,
            self._places,
            self.sizes,
            self.barriers,
            _FP[self.precision],
            tile,
            self.processor.pause,
        )

    def _load(self) -> None:
        key = "\n".join([lexgrad.__version__, repr(self.processor), self.llvm])
        self._loaded = Loaded(cached(key, lambda: object_code(self.llvm, self.processor)), self.processor)
        word, pointer = ctypes.c_int64, ctypes.c_void_p
        self._run = self._loaded.function("program", pointer, word, word, word, pointer)
        self._meeting = aligned_empty((32,), np.dtype(np.int64))
        self._meeting[:] = 0

    # --- looking at it

    @property
    def pseudocode(self) -> str:
        """The kernels as readable loops."""
        return pseudocode(self.kernels)

    @property
    def assembly(self) -> str:
        """The machine code as text."""
        text: str = target_machine(self.processor).emit_assembly(optimise(self.llvm, self.processor))
        return text

    def memory_plan(self, **sizes: int) -> str:
        """Which buffer lies where, for given named sizes."""
        offsets, total = self.memory.layout(sizes)
        lines = [f"{total} bytes of scratch memory in {len(offsets)} slots"]
        for slot, offset in enumerate(offsets):
            names = [f"{n}: {self._lowered.buffers[n].type}" for n, s in self.memory.slots.items() if s == slot]
            lines.append(f"  slot {slot} at {offset}: {', '.join(names)}")
        lines += [f"  {out} in the place of {given}" for out, given in self._donated.items()]
        return "\n".join(lines)

    # --- running it

    def __call__(self, **inputs: ArrayLike) -> dict[str, Array]:
        """Run once; returns the outputs by name. Inputs are left as they are, also donated ones."""
        return self.run(inputs)

    def run(self, inputs: Mapping[str, ArrayLike]) -> dict[str, Array]:
        """Run once on inputs by name; inputs are left as they are.

        Raises:
            InputError: an input is missing or unknown, or has another type or shape than the graph's input.
        """
        taken = set(self._donated.values()) | {self._inputs[name] for name in self._copies.values()}
        arrays = {
            name: self.prepared(name, value, copy=self._inputs.get(name) in taken) for name, value in inputs.items()
        }
        return self.launch([arrays])[-1]

    def prepared(self, name: str, value: ArrayLike, copy: bool = False) -> Array:
        """A value as an array that the machine code can read: its dtype, contiguous, aligned."""
        if name not in self.graph.inputs:
            raise InputError(f"graph {self.graph.name!r} has no input {name!r}{suggest(name, self.graph.inputs)}")
        dtype = np.dtype(self.dtypes[self.graph.inputs[name].type.dtype])
        array = np.asarray(value)
        if array.dtype == dtype and array.flags.c_contiguous and array.flags.aligned and not copy:
            return array
        fresh = aligned_empty(array.shape, dtype)
        fresh[...] = array
        return fresh

    def launch(self, steps: Sequence[Mapping[str, Array]]) -> list[dict[str, Array]]:
        """Run several steps, one after the other, in one go; arrays come from ``prepared``.

        Donated inputs are updated in place; a step's outputs that are donated are the arrays that were given.
        """
        bound = [self._bind(step) for step in steps]
        named = [sizes for _, sizes in bound]
        largest = {name: max(sizes[name] for sizes in named) for name in self.sizes}
        offsets, total = self.memory.layout(largest)
        arena = _arena(total)
        base = arena.ctypes.data
        names = self._buffers
        status = np.zeros(1, np.int64)
        table = np.empty((len(steps), len(names) + len(self.sizes)), np.int64)
        keep = []
        results = []
        for row, (arrays, sizes) in zip(table, bound, strict=True):
            places = {self._inputs[n]: array for n, array in arrays.items() if n in self._inputs} | self._constants
            outputs = self._allocate(places, sizes)
            places |= outputs
            places[STATUS] = status
            for i, name in enumerate(names):
                slot = self.memory.slots.get(name)
                row[i] = places[name].ctypes.data if slot is None else base + offsets[slot]
            row[len(names) :] = [sizes[name] for name in self.sizes]
            keep.append(places)
            results.append({name: places[buffer] for name, buffer in self._outputs.items()})
        self._go(table, self._worthwhile_threads(largest))
        if status[0]:
            raise InputError(self._lowered.checks[status[0] - 1])
        for arrays, result in zip((arrays for arrays, _ in bound), results, strict=True):
            for out, given in self._copies.items():
                arrays[given][...] = result[out]
                result[out] = arrays[given]
        return results

    def _bind(self, step: Mapping[str, Array]) -> tuple[Mapping[str, Array], dict[str, int]]:
        types = self.graph.input_types
        missing = [name for name in types if name not in step]
        if missing:
            raise InputError(f"graph {self.graph.name!r} needs a value for {', '.join(missing)}")
        return step, bind_sizes(types, {name: step[name].shape for name in types})

    def _allocate(self, places: Mapping[str, Array], sizes: Mapping[str, int]) -> dict[str, Array]:
        made: dict[str, Array] = {}
        for buffer in self._outputs.values():
            if buffer in places or buffer in made:
                continue
            if buffer in self._donated:
                made[buffer] = places[self._donated[buffer]]
                continue
            node = self._lowered.buffers[buffer]
            shape = tuple(resolve(size, sizes) for size in node.shape)
            made[buffer] = aligned_empty(shape, np.dtype(self.dtypes[node.type.dtype]))
        return made

    def _worthwhile_threads(self, sizes: Mapping[str, int]) -> int:
        """How many threads a step of these sizes keeps busy; waking one costs as much as some work."""
        work = sum(resolve(kernel.extent, sizes) * resolve(kernel.cost, sizes) for kernel in self.kernels)
        return min(self.threads, 1 + work // _WORK_OF_A_THREAD)

    def _go(self, table: NDArray[np.int64], threads: int) -> None:
        arguments = (table.ctypes.data, len(table))
        meeting = self._meeting.ctypes.data
        others = [
            _pool(threads).submit(self._run, *arguments, thread, threads, meeting) for thread in range(1, threads)
        ]
        self._run(*arguments, 0, threads, meeting)
        for other in others:
            other.result()


def _outputs_last(lowered: Lowered, outputs: set[str]) -> list[Kernel]:
    """Kernels whose results nobody reads run last, so that they can overwrite what the others have read."""
    early: set[str] = set()
    final = [False] * len(lowered.kernels)
    for i, kernel in reversed(list(enumerate(lowered.kernels))):
        # Also what only such kernels read: an optimiser's state, and then the weights that it moves.
        final[i] = all(access.buffer in outputs and access.buffer not in early for access in kernel.writes)
        if not final[i]:
            early |= {access.buffer for access in kernel.reads}
    kernels = [k for k, last in zip(lowered.kernels, final, strict=True) if not last]
    kernels += [k for k, last in zip(lowered.kernels, final, strict=True) if last]
    return [replace(kernel, name=f"k{i}.{kernel.name[2:]}") for i, kernel in enumerate(kernels)]


@functools.cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads - 1, thread_name_prefix="lexgrad")


def _arena(size: int) -> Array:
    return aligned_empty((size,), np.dtype(np.uint8))


def aligned_empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """An array that begins at a cache line."""
    size = int(np.prod(shape)) * dtype.itemsize
    raw = np.empty(size + ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + size].view(dtype).reshape(shape)
