"""How a graph becomes a program: simplified, lowered to steps, placed in memory, and written as LLVM text."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from lexgrad.compile import assemble
from lexgrad.compile.ahead import ask_ahead
from lexgrad.compile.alone import side_by_side
from lexgrad.compile.arrays import DTYPES, LAPS, LLVM_FLOATS, SCRATCH, STATUS, Precision, readable
from lexgrad.compile.checks import requirements
from lexgrad.compile.donation import settle
from lexgrad.compile.lanes import in_lanes
from lexgrad.compile.lower import lower
from lexgrad.compile.machine import Processor
from lexgrad.compile.memory import meetings, plan
from lexgrad.compile.merge import merge
from lexgrad.compile.order import numbered, outputs_last
from lexgrad.compile.packing import format_of
from lexgrad.compile.panels import only_multiplied
from lexgrad.compile.picked import merge_picked
from lexgrad.compile.plan import Plan, Work
from lexgrad.compile.products import tiles
from lexgrad.compile.profile import Clock
from lexgrad.compile.repeat import Repeat, Same, Step, effort, kernels_of, loops_of
from lexgrad.compile.rowwise import merge_rows
from lexgrad.compile.writer import Stored
from lexgrad.evaluate import constant_value
from lexgrad.graph import CONSTANT, Dim, Graph
from lexgrad.passes import simplify


class Making:
    """What becomes of a graph on its way to machine code.

    Args:
        graph: what to compile.
        precision: as for ``Program``, like all that follow.
        processor: what for.
        donated: which outputs take the place of inputs.
        halved: which inputs are stored as bf16.
        steady: which inputs may be stored in panels.
        clock: what counts the ticks of a profile, if it is to have one.

    Attributes:
        lowered: the graph as kernels, with every buffer and check.
        steps: kernels, and loops around kernels, in the order in which they run.
        kernels: all kernels, those inside loops included.
        memory: where scratch buffers lie.
        meetings: before which kernels all threads meet.
        llvm: the program as LLVM text.
    """

    def __init__(
        self,
        graph: Graph,
        precision: Precision,
        processor: Processor,
        donated: Mapping[str, str],
        halved: Collection[str],
        steady: Collection[str],
        clock: Clock | None,
    ) -> None:
        self.graph, self.precision = graph, precision
        simple = in_lanes(simplify(graph))
        lowered = self.lowered = lower(simple, rounds=precision == "bf16")
        self.inputs = {name: lowered.names[node] for name, node in simple.inputs.items() if node in lowered.names}
        self.outputs = {name: lowered.names[lowered.views.get(node, node)] for name, node in simple.outputs.items()}
        steps = outputs_last(lowered.steps, set(self.outputs.values()))
        self.donation = settle(dict(donated), simple, steps, self.inputs, self.outputs)
        same = self.donation.in_place
        steps = side_by_side(merge_picked(merge_rows(merge(steps, same), same), same))
        self.steps: Sequence[Step] = ask_ahead(numbered(steps), lowered.all.nodes, same)
        self.kernels = list(kernels_of(self.steps))
        self._place()
        self.tile = tiles(processor.vector_bits, processor.registers, LLVM_FLOATS[precision])
        self.panels = self._panels([name for name in steady if name not in halved])
        self._write(processor, halved, clock)

    def _place(self) -> None:
        buffers, moving = self.lowered.all.buffers, self.lowered.all.moving
        dtypes = DTYPES[self.precision]
        self.constants = {
            name: readable(constant_value(node), node.type, dtypes[node.type.dtype], name)
            for name, node in buffers.items()
            if node.primitive is CONSTANT
        }
        fixed = {*self.inputs.values(), *self.outputs.values(), *self.constants}
        scratch = {name: node for name, node in buffers.items() if name not in fixed}
        widths = {name: dtypes[node.type.dtype].itemsize for name, node in buffers.items()}
        self.memory = plan(self.steps, scratch, widths)
        places: dict[str, object] = {
            name: self.donation.in_place.get(name, name) for name in (*buffers, *moving, STATUS)
        }
        places |= self.memory.slots
        for loop in loops_of(self.steps):
            places |= {name: places[same.buffer] for name, same in loop.where.items() if isinstance(same, Same)}
        self.places = places
        self.meetings = meetings(self.steps, places)
        self.rows = [loop.rows for loop in loops_of(self.steps) if loop.rows]
        sizes = (size for node in self.graph.nodes for size in node.shape if isinstance(size, Dim))
        self.sizes = sorted({name for size in sizes for name in size.names} | {rows.name for rows in self.rows})

    def _panels(self, steady: Collection[str]) -> list[str]:
        """Which inputs are stored in panels: matrices of more than one panel that are only multiplied."""
        if self.precision == "bf16":
            return []
        shapes = {name: self.graph.input_types[name].shape for name in steady if name in self.inputs}
        wide = {
            name: shape
            for name, shape in shapes.items()
            if len(shape) == 2 and isinstance(shape[1], int) and shape[1] > self.tile.columns
        }
        found = only_multiplied(self.steps, {self.inputs[name]: shape for name, shape in wide.items()})
        return [name for name in wide if self.inputs[name] in found - set(self.outputs.values())]

    def _write(self, processor: Processor, halved: Collection[str], clock: Clock | None) -> None:
        self.buffers = [*self.lowered.all.buffers, STATUS, SCRATCH, *([LAPS] if clock else [])]
        dtypes: dict[str, Stored] = {name: node.type.dtype for name, node in self.lowered.all.nodes.items()}
        dtypes |= {name: "int" for name in self.buffers if name not in dtypes}
        dtypes |= {self.inputs[name]: "half" for name in halved if name in self.inputs}
        dtypes |= {self.inputs[name]: "panels" for name in self.panels}
        self.llvm, self.scratch = assemble.program_text(
            self.steps,
            dtypes,
            self.buffers,
            self.places,
            self.sizes,
            self.meetings,
            LLVM_FLOATS[self.precision],
            self.tile,
            format_of(self.precision, processor),
            processor.pause,
            processor.fma,
            processor.scales,
            clock,
        )

    def plan(self, code: str) -> Plan:
        """What it takes to run the program, whose machine code has that name in the cache."""
        nodes = self.lowered.all.buffers
        given = {*self.inputs.values(), *self.constants}
        return Plan(
            code=code,
            inputs=self.inputs,
            outputs=self.outputs,
            made={buffer: nodes[buffer].type for buffer in self.outputs.values() if buffer not in given},
            buffers=self.buffers,
            constants=self.constants,
            donation=self.donation,
            memory=self.memory,
            peeked=[shape for shapes in self.lowered.all.peeked.values() for shape in shapes],
            panels=dict.fromkeys(self.panels, self.tile.columns),
            needs=[need.size for need in requirements(self.graph)],
            sizes=self.sizes,
            rows=[(rows.name, rows.most) for rows in self.rows],
            scratch=self.scratch,
            work=_work(self.steps),
            light=assemble.LIGHT,
        )

    def refuse(self, sizes: Mapping[str, int]) -> None:
        """Say what is wrong with named sizes.

        Raises:
            InputError: one of the graph's requirements does not hold.
        """
        for requirement in requirements(self.graph):
            requirement.check(sizes)


def _work(steps: Sequence[Step]) -> Work:
    return [
        [step.length, effort(step.steps), _work(step.steps)] if isinstance(step, Repeat) else [step.extent, step.cost]
        for step in steps
    ]
