"""A compiled graph: buffers bound to arrays, and a launch of one or many steps on one or many threads."""

from __future__ import annotations

import ctypes
import functools
import math
import time
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from lexgrad.cache import cached, keep, kept, name_of
from lexgrad.compile.arrays import (
    ALIGNMENT,
    DTYPES,
    HALF,
    LAPS,
    SCRATCH,
    STATUS,
    STATUS_WORDS,
    Array,
    Pool,
    Precision,
    aligned_empty,
    halves,
    in_panels,
    readable,
    roomy,
)
from lexgrad.compile.bound import Binding, Bound, Rows
from lexgrad.compile.fixed import Fixed
from lexgrad.compile.machine import Loaded, Processor, assembly, host, object_code, signature
from lexgrad.compile.plan import Plan, sources
from lexgrad.compile.threads import processors, together
from lexgrad.debugging import asked
from lexgrad.errors import InputError, suggest
from lexgrad.evaluate import bind_sizes
from lexgrad.graph import Graph, print_graph, resolve

if TYPE_CHECKING:
    from lexgrad.compile.loops import Kernel
    from lexgrad.compile.making import Making
    from lexgrad.compile.profile import Clock, Laps, Profile
    from lexgrad.compile.repeat import Step

PLANS_KEPT = True
"""Whether what was found out about a graph is kept for the next process; not where the compiler itself is changed."""

_WORK_OF_A_THREAD = 4_000_000  # scalar operations; about a millisecond of one core
_WORK_OF_A_STEP = 1_000_000  # in each of the steps of a launch: their threads meet at every kernel or so


class Program:
    """A graph as machine code.

    Args:
        graph: what to compile.
        precision: ``"fp32"`` or ``"fp64"``: how many bits floats have; or ``"bf16"``: those of fp32, and
            operands of matrix products are rounded to bf16, as ``Interpreter`` does it.
        threads: how many threads run it, as many as there are processors by default; the results are the same, bit
            for bit, for any number.
        donated: outputs that take the place of inputs: after a run the input's array holds the output.
        processor: what to generate code for; this machine's by default.
        halved: names of inputs whose floats are stored as bf16, so that less memory is read: they are rounded when
            they are ``prepared``. All arithmetic is as wide as ever.
        steady: names of inputs that seldom change. A matrix among them that rows are multiplied by, and nothing else,
            is stored so that it is read from its beginning to its end (see ``lexgrad.compile.panels``): it is laid out
            when it is ``prepared``, once.
        profiled: whether to count what each kernel takes, for :meth:`profile`; ``LEXGRAD_DEBUG=profile`` asks for it
            as well, and prints the profiles when the process ends.

    Raises:
        InputError: an unknown precision, a number of threads below 1, a donation that does not fit, or a profile
            on a processor without a counter.

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
        profiled: bool = False,
        halved: Collection[str] = (),
        steady: Collection[str] = (),
    ) -> None:
        check_settings(precision, threads)
        _check_halved(graph, halved, donated or {})
        self.halved = frozenset(halved)
        self.steady = frozenset(steady)
        self.graph = graph
        self.precision = precision
        self.threads = threads or processors()
        self.processor = processor or host()
        self.dtypes = DTYPES[precision]
        self._donated = dict(donated or {})
        self._clock = _clock(self.processor) if profiled or asked("profile") else None
        self._laps: Laps | None = None
        self._pool = Pool()
        begun = time.perf_counter()
        self.plan, self.object = self._fetched()
        self.donation = self.plan.donation
        copied = (self.plan.inputs[name] for name in self.donation.copied.values())
        self._overwritten = {*self.donation.in_place.values(), *copied}
        self._load()
        self.compile_seconds = time.perf_counter() - begun

    # --- making it

    @functools.cached_property
    def making(self) -> Making:
        """How the graph becomes machine code; made only where the cache has no plan, or where somebody looks at it."""
        from lexgrad.compile.making import Making

        return Making(self.graph, self.precision, self.processor, self._donated, self.halved, self.steady, self._clock)

    def _fetched(self) -> tuple[Plan, bytes]:
        """Plan and machine code, from the cache where they are in it."""
        if self._clock or asked("passes") or not PLANS_KEPT:
            return self._made()
        told = [
            sorted(self._donated.items()),
            sorted(self.halved),
            sorted(self.steady),
            self.precision,
            self._format(),
            sources(),
        ]
        name = name_of("\n".join([signature(self.processor), repr(told), print_graph(self.graph)]), "plan")
        found = kept(name)
        plan = Plan.from_json(found) if found is not None else None
        code = kept(plan.code) if plan is not None else None
        if plan is not None and code is not None:
            return plan, code
        plan, code = self._made()
        keep(name, plan.to_json())
        return plan, code

    def _made(self) -> tuple[Plan, bytes]:
        key = "\n".join([signature(self.processor), self.making.llvm])
        code = cached(key, lambda: object_code(self.making.llvm, self.processor))
        return self.making.plan(name_of(key)), code

    def _format(self) -> object:
        """How operands of products are packed; the system is asked for its permission."""
        if self.precision != "bf16":
            return None
        from lexgrad.compile.packing import format_of

        return format_of(self.precision, self.processor)

    def _load(self) -> None:
        if self.processor.here:
            self._loaded = Loaded(self.object, self.processor)
            word, pointer = ctypes.c_int64, ctypes.c_void_p
            self._run = self._loaded.function("program", pointer, word, word, word, pointer)
            self._once = self._loaded.function("once", pointer, returns=word)
            if self._clock:
                from lexgrad.compile.profile import Laps

                ticks = self._loaded.function("ticks", returns=word)
                self._laps = Laps(self.graph.name, self.steps, self.making.lowered.all.nodes, self.dtypes, ticks)

    # --- looking at it

    @property
    def llvm(self) -> str:
        """The program as LLVM text, before LLVM's own optimisations."""
        return self.making.llvm

    @property
    def steps(self) -> Sequence[Step]:
        """Kernels, and loops around kernels, in the order in which they run."""
        return self.making.steps

    @property
    def kernels(self) -> list[Kernel]:
        """All kernels, those inside loops included."""
        return list(self.making.kernels)

    @property
    def pseudocode(self) -> str:
        """The kernels as readable loops."""
        from lexgrad.compile.pseudocode import pseudocode

        return pseudocode(self.steps)

    @property
    def assembly(self) -> str:
        """The machine code as text."""
        return assembly(self.llvm, self.processor)

    def memory_plan(self, **sizes: int) -> str:
        """Which buffer lies where, for given named sizes.

        Raises:
            InputError: a named size is missing.
        """
        own = {name for name, _ in self.plan.rows}
        missing = [name for name in self.plan.sizes if name not in sizes and name not in own]
        if missing:
            raise InputError(f"where buffers lie depends on {', '.join(missing)}: memory_plan({missing[0]}=…)")
        offsets, total = self.plan.memory.layout(self.with_rows(sizes))
        lines = [f"{total} bytes of scratch memory in {len(offsets)} slots"]
        for slot, offset in enumerate(offsets):
            buffers = self.making.lowered.all.buffers
            names = [f"{n}: {buffers[n].type}" for n, s in self.plan.memory.slots.items() if s == slot]
            lines.append(f"  slot {slot} at {offset}: {', '.join(names)}")
        lines += [f"  {out} in the place of {given}" for out, given in self.donation.in_place.items()]
        return "\n".join(lines)

    @property
    def profile(self) -> Profile:
        """Where the time of the steps so far went, kernel by kernel.

        Raises:
            InputError: the program was not made with ``profiled=True``.
        """
        if self._laps is None:
            raise InputError("this program counts nothing: make it with profiled=True to see its profile")
        return self._laps.profile()

    # --- running it

    def __call__(self, **inputs: ArrayLike) -> dict[str, Array]:
        """Run once; returns the outputs by name. Inputs are left as they are, also donated ones."""
        return self.run(inputs)

    def run(self, inputs: Mapping[str, ArrayLike]) -> dict[str, Array]:
        """Run once on inputs by name; inputs are left as they are.

        Raises:
            InputError: an input is missing or unknown, or has another type or shape than the graph's input.
        """
        arrays = {
            name: self.prepared(name, value, copy=self.plan.inputs.get(name) in self._overwritten)
            for name, value in inputs.items()
        }
        return self.launch([arrays])[-1]

    def prepared(self, name: str, value: ArrayLike, copy: bool = False) -> Array:
        """A value as an array that the machine code can read: its dtype, contiguous, aligned; a copy where need be.

        Raises:
            InputError: there is no such input, or the value is of another kind: floats for ints, say.
        """
        if name not in self.graph.inputs:
            raise InputError(f"graph {self.graph.name!r} has no input {name!r}{suggest(name, self.graph.inputs)}")
        type = self.graph.inputs[name].type
        if name in self.halved:
            value = halves(value)
        if name in self.plan.panels:
            return in_panels(readable(value, type, self._stored(name), name), self.plan.panels[name])
        return readable(value, type, self._stored(name), name, copy)

    def _stored(self, name: str) -> np.dtype[Any]:
        """NumPy's dtype of an input's array."""
        return HALF if name in self.halved else self.dtypes[self.graph.inputs[name].type.dtype]

    def launch(self, steps: Sequence[Mapping[str, Array]]) -> list[dict[str, Array]]:
        """Run several steps, one after the other, in one go; arrays come from ``prepared``.

        Donated inputs are updated in place; a step's outputs that are donated are the arrays that were given. No
        array that is given may share memory with one that is donated.

        Raises:
            InputError: an input is missing, an array does not come from ``prepared`` or does not fit the others, or
                an index is out of range; donated arrays then hold something between the old and the new.
        """
        if not self.processor.here:
            raise InputError(f"this program was made for {self.processor.triple}; it cannot run here")
        if len(steps) != 1 and (self.donation.copied or not steps):
            return [result for step in steps for result in self.launch([step])]
        turns: dict[int, list[int]] = {}  # a step that comes again is bound once
        for turn, step in enumerate(steps):
            turns.setdefault(id(step), []).append(turn)
        bound = [(steps[those[0]], those, self._bind(steps[those[0]])) for those in turns.values()]
        layouts = {tuple(sizes.values()): self._layout(sizes) for _, _, sizes in bound}
        threads = self._worthwhile_threads([sizes for _, _, sizes in bound], len(steps))
        arena = max(total for _, total in layouts.values())
        with self._pool.room(self._room(arena, threads)) as room:
            return self._launch(steps, bound, layouts, self._own(threads, room, arena), room.ctypes.data, threads)

    def _launch(
        self,
        steps: Sequence[Mapping[str, Array]],
        bound: Sequence[tuple[Mapping[str, Array], list[int], dict[str, int]]],
        layouts: Mapping[tuple[int, ...], tuple[list[int], int]],
        own: Mapping[str, Array],
        base: int,
        threads: int,
    ) -> list[dict[str, Array]]:
        """``bound`` has each different step with its turns and sizes; slots begin at the address ``base``."""
        table = np.empty((len(steps), len(self.plan.buffers) + len(self.plan.sizes)), np.int64)
        keep: list[Mapping[str, Array]] = [{}] * len(steps)
        for step, those, sizes in bound:
            offsets, _ = layouts[tuple(sizes.values())]
            given = {buffer: step[name] for name, buffer in self.plan.inputs.items()} | self.plan.constants
            made = self._allocate(given, sizes, len(those))
            given |= {out: given[buffer] for out, buffer in self.donation.in_place.items()} | {**own}
            places = given | {name: block[0, ...] for name, block in made.items()}
            table[those] = self._addresses(places, base, offsets) + [sizes[name] for name in self.plan.sizes]
            for name, block in made.items():
                if block.size:
                    table[those, self.plan.buffers.index(name)] += np.arange(len(those)) * block[0, ...].nbytes
            for number, turn in enumerate(those):
                keep[turn] = given | {name: block[number, ...] for name, block in made.items()}
        self._go(table.ctypes.data, len(table), threads, own, bound[-1][2])
        return [self._results(step, places) for step, places in zip(steps, keep, strict=True)]

    def bind(self, inputs: Mapping[str, Array | Rows], steps: int) -> Bound:
        """Make many steps ready to run in one go, whose inputs are rows of long arrays: no copy and no Python for each.

        Arrays come from ``prepared``, and serve every step.

        Raises:
            InputError: as for ``launch``; or there is no step, a donated input is ``Rows`` or cannot be overwritten,
                or an output that is not donated is an input as it is, or has not the same shape in every step.
        """
        return Binding(self, inputs, steps).bound()

    def fixed(self, inputs: Mapping[str, ArrayLike]) -> Fixed:
        """Fix some inputs, so that calls with the others are quick: parameters, say, of a model that predicts.

        An array that is ready for machine code (see ``prepared``) is not copied: what is written to it counts for
        later calls.

        Raises:
            InputError: an input is unknown or of another type, or the program updates inputs in place.
        """
        return Fixed(self, inputs)

    def _layout(self, sizes: Mapping[str, Any]) -> tuple[list[int], int]:
        """Where each slot begins, and the size of them all; empty buffers that are read all the same lie at the end."""
        offsets, total = self.plan.memory.layout(sizes)
        room = 0
        for shape in self.plan.peeked:
            numbers = [resolve(size, sizes) for size in shape]
            if any(np.min(number) == 0 for number in numbers):
                room = max(room, math.prod(max(int(np.max(number)), 1) for number in numbers) * 8)
        return [*offsets, total], total + room

    def _addresses(self, places: Mapping[str, Array], base: int, offsets: Sequence[int]) -> list[int]:
        """The address of each buffer: an array's, a slot's, or for an array without entries the end of the slots."""
        nowhere = base + offsets[-1]
        return [
            (places[name].ctypes.data if places[name].size else nowhere)
            if name in places
            else base + offsets[self.plan.memory.slots[name]]
            for name in self.plan.buffers
        ]

    def _results(self, step: Mapping[str, Array], places: Mapping[str, Array]) -> dict[str, Array]:
        """The outputs of a step by name, each an array of its own; those that are donated are what was given."""
        taken = {*self.plan.inputs.values(), *self.plan.constants}
        results = {}
        for name, buffer in self.plan.outputs.items():
            results[name] = places[buffer].copy() if buffer in taken else places[buffer]
            taken.add(buffer)
        for out, given in self.donation.copied.items():
            step[given][...] = results[out]
            results[out] = step[given]
        return results

    def _bind(self, step: Mapping[str, Array]) -> dict[str, int]:
        """The named sizes of a step, once it is sure that its arrays can be handed to machine code."""
        types = self.graph.input_types
        missing = [name for name in types if name not in step]
        if missing:
            raise InputError(f"graph {self.graph.name!r} needs a value for {', '.join(missing)}")
        for name, type in types.items():
            array, dtype = step[name], self._stored(name)
            if array.dtype != dtype or not array.flags.c_contiguous or not array.flags.aligned:
                raise InputError(f"input {name!r} should be an array that Program.prepared made, {type} as {dtype}")
            if not array.flags.writeable and self.plan.inputs[name] in self._overwritten:
                raise InputError(f"input {name!r} is donated, and its array cannot be written to")
        sizes = self.with_rows(bind_sizes(types, {name: step[name].shape for name in types}))
        if any(resolve(size, sizes) < 0 for size in self.plan.needs):
            self.making.refuse(sizes)
        return sizes

    def with_rows(self, sizes: dict[str, Any]) -> dict[str, Any]:
        """Named sizes, and those that only bodies of packed loops have: what they are at most.

        A size is a number, or an array of numbers, one for each of many steps.
        """
        most: dict[str, Any] = {}
        for name, size in self.plan.rows:
            most[name] = np.maximum(most.get(name, 0), resolve(size, sizes))
        return sizes | most

    def _allocate(self, given: Mapping[str, Array], sizes: Mapping[str, int], count: int) -> dict[str, Array]:
        """New arrays for the outputs of ``count`` turns, one behind the other; not for those in an input's place."""
        made: dict[str, Array] = {}
        for buffer in self.plan.outputs.values():
            if buffer not in given and buffer not in self.donation.in_place:
                type = self.plan.made[buffer]
                shape = tuple(resolve(size, sizes) for size in type.shape)
                made[buffer] = aligned_empty((count, *shape), self.dtypes[type.dtype])
        return made

    def _worthwhile_threads(self, steps: Sequence[Mapping[str, int]], turns: int) -> int:
        """How many threads ``turns`` steps of these sizes keep busy.

        Waking a thread costs as much as some work does, and so do the meetings of every step.
        """
        sizes = {name: max(step[name] for step in steps) for name in self.plan.sizes}
        work = self.plan.work_of(sizes)
        return max(1, min(self.threads, 1 + turns * work // _WORK_OF_A_THREAD, 1 + work // _WORK_OF_A_STEP))

    def _room(self, arena: int, threads: int) -> int:
        """How many bytes it takes for slots of ``arena`` bytes and, behind them, the scratch memory of threads."""
        return arena + ALIGNMENT + threads * self.plan.scratch

    def _own(self, threads: int, room: Array | None = None, arena: int = 0) -> dict[str, Array]:
        """Buffers that no node has; scratch memory is behind the first ``arena`` bytes of ``room``, or new."""
        behind = arena + -arena % ALIGNMENT
        room = roomy(self._room(arena, threads)) if room is None else room
        own: dict[str, Array] = {
            STATUS: np.zeros(STATUS_WORDS, np.int64),
            SCRATCH: room[behind : behind + threads * self.plan.scratch],
        }
        return own | ({LAPS: self._laps.room(self.threads)} if self._laps else {})

    def _go(self, table: int, steps: int, threads: int, own: Mapping[str, Array], sizes: Mapping[str, int]) -> None:
        """Run the steps of the table at an address; ``sizes`` are those of one of them, for a profile."""
        if threads == steps == 1:
            failed = self._once(table)
        else:
            own[STATUS].fill(0)
            if threads == 1:
                self._run(table, steps, 0, 1, 0)
            else:
                together(functools.partial(self._run, table, steps), threads)
            failed = own[STATUS].item(0)
        if self._laps:
            self._laps.launched(steps, threads, sizes)
        if failed:
            raise self.making.lowered.all.checks[failed - 1].error(own[STATUS].tolist()[1:])


def check_settings(precision: str, threads: int | None) -> None:
    """Refuse settings that no program can have.

    Raises:
        InputError: an unknown precision, or a number of threads below 1.
    """
    if precision not in DTYPES:
        raise InputError(f"precision is one of {', '.join(DTYPES)}; got {precision!r}")
    if threads is not None and threads < 1:
        raise InputError(f"a program runs on at least 1 thread; got {threads}")


def _check_halved(graph: Graph, halved: Collection[str], donated: Mapping[str, str]) -> None:
    """Refuse inputs that cannot be stored as bf16.

    Raises:
        InputError: there is no such input of floats, or the program writes to it or gives it out.
    """
    outputs = set(graph.outputs.values())
    for name in halved:
        node = graph.inputs.get(name)
        if node is None or node.type.dtype != "float" or name in donated.values() or node in outputs:
            raise InputError(f"{name!r} cannot be stored as bf16: only inputs of floats that are read, and no more")


def _clock(processor: Processor) -> Clock:
    from lexgrad.compile.profile import Clock

    return Clock(processor)
