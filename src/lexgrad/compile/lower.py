"""From a graph to kernels of loop IR: index arithmetic for movement, loops for reductions, tiles for products."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import accumulate

from lexgrad.compile.argmax import kernel_argmax
from lexgrad.compile.body import Body, Index, offset
from lexgrad.compile.checks import Check, check_of, fits, kernel_check
from lexgrad.compile.entries import ENTRIES
from lexgrad.compile.fusion import ELEMENTWISE, fuse
from lexgrad.compile.grouped import grouped, kernel_grouped, kernel_groups
from lexgrad.compile.lanes import kernel_lanes
from lexgrad.compile.loops import (
    FIRST,
    LAST,
    Access,
    Apply,
    Expression,
    Kernel,
    Let,
    Load,
    Local,
    Loop,
    Number,
    Store,
    add,
    extent,
)
from lexgrad.compile.matrices import kernel_matrices, kernel_products
from lexgrad.compile.once import kernel_take
from lexgrad.compile.reductions import REDUCTION_KERNELS
from lexgrad.compile.repeat import Step
from lexgrad.compile.rows import ROW_KERNELS
from lexgrad.compile.scans import LOOPS, groups, lower_packed_scan, lower_scan
from lexgrad.compile.segments import SEGMENT_KERNELS
from lexgrad.compile.softmax import kernel_logsumexp, kernel_softmax
from lexgrad.graph import CONSTANT, INPUT, Dim, Graph, Node, Shape, Size, product


@dataclass
class Names:
    """What the kernels of a graph share with those of the bodies of its loops.

    Attributes:
        buffers: the node whose value each buffer holds, or that is as large.
        moving: the same for buffers of a loop that are elsewhere at each step.
        checks: which one failed when the program leaves number ``i + 1`` in the buffer ``status``.
        peeked: buffers whose first entries may be read, and thrown away, even where they have none; and the shapes
            under which they are read.
        rounds: whether operands of products are rounded to bf16.
    """

    buffers: dict[str, Node] = field(default_factory=dict)
    moving: dict[str, Node] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    peeked: dict[str, list[Shape]] = field(default_factory=dict)
    rounds: bool = False

    @property
    def nodes(self) -> dict[str, Node]:
        """Of every buffer, the node."""
        return self.buffers | self.moving

    def buffer(self, node: Node, moving: bool = False) -> str:
        """A new buffer for a node."""
        own = "".join(c if c.isascii() and c.isalnum() else "_" for c in node.name)
        name = f"{own or node.primitive.name}_{len(self.buffers) + len(self.moving)}"
        (self.moving if moving else self.buffers)[name] = node
        return name


@dataclass
class Lowered:
    """A graph as steps of a program.

    Attributes:
        steps: kernels and loops, in the order in which they run.
        names: the buffer of each kept node.
        views: reshapes, and the kept nodes whose memory they are.
        all: every buffer, and every check.
    """

    steps: list[Step]
    names: dict[Node, str]
    views: dict[Node, Node]
    all: Names


def lower(graph: Graph, rounds: bool = False) -> Lowered:
    """The steps that compute ``graph``; ``rounds`` says whether operands of products are rounded to bf16."""
    low = Lowering(graph, Names(rounds=rounds), {})
    return Lowered(low.steps(), low.names, low.fusion.views, low.all)


class Lowering:
    """Writes the kernels of a graph, given what of it is kept in memory.

    Args:
        graph: whose.
        all: what its kernels share with those around them.
        given: the buffers of inputs and outputs that are there already.

    Attributes:
        names: the buffer of each kept node.
        inside: values that are in a register where the current kernel reads them: a product's tile.
    """

    def __init__(self, graph: Graph, all: Names, given: Mapping[Node, str]) -> None:
        self.graph = graph
        self.fusion = fuse(graph, packed=all.rounds)
        self.all = all
        self.names = {node: given[node] if node in given else all.buffer(node) for node in self.fusion.kept}
        self.inside: dict[Node, Expression] = {}
        self._peeking = 0

    def steps(self) -> list[Step]:
        """Every kernel and loop, each behind the check of the indices that it goes by."""
        steps: list[Step] = []
        cuts: set[tuple[Node, Size, Size | None]] = set()
        indices: set[tuple[Node, Size]] = set()
        loops = groups(self.graph)
        for node in self.graph.nodes:
            check = check_of(node)
            if check is not None and (
                (check.ids, check.rows, check.most) not in cuts
                if check.cuts
                else not fits(check.ids, check.rows, indices)
            ):
                if check.cuts:
                    cuts.add((check.ids, check.rows, check.most))
                else:
                    indices.add((check.ids, check.rows))
                self.all.checks.append(check)
                steps.append(kernel_check(self, check, len(self.all.checks)))
            if node in loops:
                lower_group = lower_scan if node.primitive.name == "scan" else lower_packed_scan
                steps += lower_group(self, loops[node])
            elif node in self.names and node.primitive not in (INPUT, CONSTANT) and node.primitive.name not in LOOPS:
                if grouped(self, node):
                    steps += [kernel_groups(self, node), kernel_grouped(self, node)]
                else:
                    steps.append(self.kernel(node))
        return steps

    # --- values

    def load(self, body: Body, node: Node, index: Index) -> Expression:
        """The entry of a kept node, or of a view of one, from memory."""
        source = self.fusion.views.get(node, node)
        aligned = bool(index) and index[0] == body.row and node.shape[0] == body.extent
        exact = index == body.entry and body.only in (None, self.names[source])
        body.read(self.names[source], aligned and source.shape[:1] == node.shape[:1], exact)
        if self._peeking and any(isinstance(size, Dim) for size in node.shape):
            self.all.peeked.setdefault(self.names[source], []).append(node.shape)
        return Load(self.names[source], offset(node.shape, index), node.type.dtype)

    def peek(self, body: Body, node: Node, index: Index) -> Expression:
        """A value of which nothing may come: ``index`` is in range, but for being 0 where ``node`` is empty."""
        self._peeking += 1
        value = self.value(body, node, index)
        self._peeking -= 1
        return value

    def value(self, body: Body, node: Node, index: Index) -> Expression:
        """The entry of ``node`` at ``index``, computed in the innermost scope of ``body``."""
        if node in self.inside:
            return self.inside[node]
        if node in self.names or node in self.fusion.views:
            return self.load(body, node, index)
        if node.primitive is CONSTANT:
            return Number(node.attributes["value"], node.type.dtype)
        key = (node, index)
        found = body.lookup(key)
        if found is None:
            found = self.computed(body, node, index)
            if isinstance(found, Apply):
                name = body.fresh("v")
                body.put(Let(name, found))
                found = Local(name, node.type.dtype)
            body.known[-1][key] = found
        return found

    def computed(self, body: Body, node: Node, index: Index) -> Expression:
        """The entry of ``node`` at ``index`` by its own rule, also where the node is kept."""
        name = node.primitive.name
        if name in ELEMENTWISE:
            operands = tuple(self.value(body, operand, index) for operand in node.inputs)
            return operands[0] if name == "stop_gradient" else Apply(name, operands, node.type.dtype)
        return ENTRIES[name](self, body, node, index)

    # --- kernels

    def kernel(self, node: Node) -> Kernel:
        """The kernel that computes a kept node."""
        matrix = next((product for product, root in self.fusion.epilogues.items() if root is node), None)
        name = node.primitive.name
        if node in self.fusion.softmaxes:
            return kernel_softmax(self, node, self.fusion.softmaxes[node])
        if matrix is not None:
            return kernel_matrices(self, matrix, node)
        if name == "matmul":
            return kernel_matrices(self, node, node) if node.ndim == 2 else kernel_products(self, node)
        return KERNELS.get(name, Lowering.pointwise)(self, node)

    def shares(
        self, node: Node, shape: Shape, write: Callable[[Body, Index], None], cost: Size | None = None
    ) -> Kernel:
        """A kernel whose shares are the first axis of ``shape``; ``write`` does one share."""
        size = shape[0] if shape else 1
        body = Body(extent=size)
        name = body.fresh("r")
        row = Local(name, "int")
        body.row = row
        body.scopes.append([])
        write(body, (row,) if shape else ())
        statements = body.scopes.pop()
        body.put(Loop(name, FIRST, LAST, tuple(statements)))
        return self.finish(
            node, body, aligned=bool(shape) and node.shape[:1] == shape[:1], cost=cost or product(shape[1:])
        )

    def finish(self, node: Node, body: Body, aligned: bool, cost: Size) -> Kernel:
        """The kernel that a body has become; ``aligned`` says whether share i writes row i only."""
        return Kernel(
            f"k.{self.names[node]}",
            body.extent,
            tuple(body.scopes[0]),
            tuple(body.reads.values()),
            (Access(self.names[node], aligned),),
            cost,
            f"{self.names[node]}: {node.type} = {node.primitive.name}",
        )

    def store(self, body: Body, node: Node, index: Index, value: Expression) -> None:
        """Write one entry of a kept node."""
        body.put(Store(self.names[node], offset(node.shape, index), value))

    def result(self, node: Node, index: Index) -> Load:
        """What a kernel has written so far to one entry of the node that it computes."""
        return Load(self.names[node], offset(node.shape, index), node.type.dtype)

    def pointwise(self, node: Node) -> Kernel:
        """A kernel that computes a node entry by entry."""

        def share(body: Body, row: Index) -> None:
            def entry(index: Index) -> None:
                body.entry = (*row, *index)
                self.store(body, node, body.entry, self.computed(body, node, body.entry))
                body.entry = None

            body.nest(node.shape[1:], entry)

        return replace(self.shares(node, node.shape, share), shape=node.shape)

    def kernel_reshape(self, node: Node) -> Kernel:
        """A copy: a reshape that is an output has memory of its own."""
        source = self.fusion.views.get(node.inputs[0], node.inputs[0])
        if source not in self.names:
            return self.pointwise(node)

        def share(body: Body, row: Index) -> None:
            def entry(index: Index) -> None:
                place = offset(node.shape, (*row, *index))
                body.read(self.names[source], aligned=False)
                self.store(body, node, (*row, *index), Load(self.names[source], place, node.type.dtype))

            body.nest(node.shape[1:], entry)

        return self.shares(node, node.shape, share)

    def fill(self, body: Body, node: Node, rows: tuple[Expression, Expression], value: Expression) -> None:
        """Set rows ``rows[0]`` up to ``rows[1]`` of a node's buffer to one value."""

        def row(i: Local) -> None:
            body.nest(node.shape[1:], lambda rest: self.store(body, node, (i, *rest), value))

        body.loop(*rows, row, "z")

    def kernel_concatenate(self, node: Node) -> Kernel:
        """The operands, one behind the other; shares are rows of the result."""
        axis = node.attributes["axis"]
        starts = list(accumulate((operand.shape[axis] for operand in node.inputs), lambda x, y: x + y, initial=0))

        def side_by_side(body: Body, row: Index) -> None:
            for operand, start in zip(node.inputs, starts, strict=False):

                def entry(rest: Index, operand: Node = operand, start: Size = start) -> None:
                    place = (*row, *rest[: axis - 1], add(rest[axis - 1], extent(start)), *rest[axis:])
                    self.store(body, node, place, self.value(body, operand, (*row, *rest)))

                body.nest(operand.shape[1:], entry)

        if axis:
            return self.shares(node, node.shape, side_by_side)
        body = Body(extent=node.shape[0])
        for operand, start, stop in zip(node.inputs, starts, starts[1:], strict=False):

            def entries(row: Local, operand: Node = operand, start: Size = start) -> None:
                def entry(rest: Index) -> None:
                    own = Apply("subtract", (row, extent(start)), "int") if start != 0 else row
                    self.store(body, node, (row, *rest), self.value(body, operand, (own, *rest)))

                body.nest(operand.shape[1:], entry)

            first = Apply("maximum", (FIRST, extent(start)), "int") if start != 0 else FIRST
            body.loop(first, Apply("minimum", (LAST, extent(stop)), "int"), entries, "r")
        return self.finish(node, body, aligned=True, cost=product(node.shape[1:]))


KERNELS: dict[str, Callable[[Lowering, Node], Kernel]] = {
    "argmax": kernel_argmax,
    "concatenate": Lowering.kernel_concatenate,
    "lane_max": kernel_lanes,
    "lane_sum": kernel_lanes,
    "logsumexp": kernel_logsumexp,
    "reshape": Lowering.kernel_reshape,
    "take": kernel_take,
    **REDUCTION_KERNELS,
    **ROW_KERNELS,
    **SEGMENT_KERNELS,
}
"""What has loops of its own; every other kept node is computed entry by entry."""
