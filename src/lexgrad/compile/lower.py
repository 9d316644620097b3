"""From a graph to kernels of loop IR: index arithmetic for movement, loops for reductions, tiles for products."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from lexgrad.compile.body import Body, Index, offset
from lexgrad.compile.entries import ENTRIES
from lexgrad.compile.fusion import ELEMENTWISE, SEGMENTS, Fusion, fuse
from lexgrad.compile.loops import (
    FIRST,
    LAST,
    ONE,
    ZERO,
    Access,
    Apply,
    Assign,
    Declare,
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
from lexgrad.compile.reductions import REDUCTION_KERNELS
from lexgrad.compile.rows import ROW_KERNELS
from lexgrad.compile.segments import SEGMENT_KERNELS
from lexgrad.graph import CONSTANT, INPUT, Graph, Node, Shape, Size, product

STATUS = "status"
"""The buffer in which a program says which check failed."""


@dataclass
class Lowered:
    """A graph as kernels.

    Attributes:
        kernels: in the order in which they run.
        buffers: the node whose value each buffer holds.
        names: the buffer of each kept node.
        views: reshapes, and the kept nodes whose memory they are.
        checks: what is wrong when the program leaves number ``i + 1`` in the buffer ``status``.
    """

    kernels: list[Kernel]
    buffers: dict[str, Node]
    names: dict[Node, str]
    views: dict[Node, Node]
    checks: list[str]


def lower(graph: Graph) -> Lowered:
    """The kernels that compute ``graph``."""
    return Lowering(graph, fuse(graph)).lowered()


class Lowering:
    def __init__(self, graph: Graph, fusion: Fusion) -> None:
        self.graph = graph
        self.fusion = fusion
        self.names: dict[Node, str] = {}
        for number, node in enumerate(fusion.kept):
            own = "".join(c if c.isalnum() else "_" for c in node.name)
            self.names[node] = f"{own or node.primitive.name}_{number}"
        self.inside: dict[Node, Expression] = {}

    def lowered(self) -> Lowered:
        kernels: list[Kernel] = []
        checked: set[tuple[Node, Size]] = set()
        self.checks: list[str] = []
        for node in self.graph.nodes:
            key = _checked(node)
            if key is not None and key not in checked:
                checked.add(key)
                kernels.append(self.check(node, *key))
            if node in self.names and node.primitive is not INPUT and node.primitive is not CONSTANT:
                kernels.append(self.kernel(node))
        buffers = {name: node for node, name in self.names.items()}
        return Lowered(kernels, buffers, self.names, self.fusion.views, self.checks)

    # --- values

    def load(self, body: Body, node: Node, index: Index) -> Expression:
        aligned = bool(index) and index[0] == body.row and node.shape[0] == body.extent
        body.read(self.names[node], aligned, index == body.entry)
        return Load(self.names[node], offset(node.shape, index), node.type.dtype)

    def value(self, body: Body, node: Node, index: Index) -> Expression:
        """The entry of ``node`` at ``index``, computed in the innermost scope of ``body``."""
        if node in self.inside:
            return self.inside[node]
        if node in self.names:
            return self.load(body, node, index)
        if node in self.fusion.views:
            return self.view(body, node, index)
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

    def view(self, body: Body, node: Node, index: Index) -> Expression:
        source = self.fusion.views[node]
        name = self.names[source]
        aligned = bool(index) and index[0] == body.row and node.shape[0] == body.extent
        body.read(name, aligned and source.shape[:1] == node.shape[:1], index == body.entry)
        return Load(name, offset(node.shape, index), node.type.dtype)

    def computed(self, body: Body, node: Node, index: Index) -> Expression:
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
        body.put(Store(self.names[node], offset(node.shape, index), value))

    def pointwise(self, node: Node) -> Kernel:
        def share(body: Body, row: Index) -> None:
            def entry(index: Index) -> None:
                body.entry = (*row, *index)
                self.store(body, node, body.entry, self.computed(body, node, body.entry))
                body.entry = None

            body.nest(node.shape[1:], entry)

        return replace(self.shares(node, node.shape, share), shape=node.shape)

    def kernel_reshape(self, node: Node) -> Kernel:
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
        axis = node.attributes["axis"]
        body = Body(extent=1)
        start: Size = 0
        for operand in node.inputs:
            begins = extent(start)

            def entry(index: Index, operand: Node = operand, begins: Expression = begins) -> None:
                place = (*index[:axis], add(index[axis], begins), *index[axis + 1 :])
                self.store(body, node, place, self.value(body, operand, index))

            body.nest(operand.shape, entry)
            start = start + operand.shape[axis]
        return self.finish(node, body, aligned=False, cost=node.type.size)

    def check(self, node: Node, ids: Node, size: Size) -> Kernel:
        """A kernel that says in ``status`` whether ids, or offsets, are what they have to be."""
        body = Body(extent=1)
        bad = Local("bad", "bool")
        body.put(Declare(bad.name, Number(False, "bool")))

        def note(wrong: Expression) -> None:
            body.put(Assign(bad.name, Apply("logical_or", (bad, wrong), "bool")))

        def each(index: Index) -> None:
            number = self.value(body, ids, index)
            below = Apply("less", (number, Number(-1, "int")), "bool")
            note(Apply("logical_or", (below, Apply("less_equal", (extent(size), number), "bool")), "bool"))

        def cut(text: Local) -> None:
            start, stop = self.value(body, ids, (text,)), self.value(body, ids, (add(text, ONE),))
            note(Apply("less", (stop, start), "bool"))

        if node.primitive.name in SEGMENTS:
            note(Apply("not_equal", (self.value(body, ids, (ZERO,)), ZERO), "bool"))
            note(Apply("not_equal", (self.value(body, ids, (extent(ids.shape[0] - 1),)), extent(size)), "bool"))
            body.loop(ZERO, extent(ids.shape[0] - 1), cut)
            self.checks.append(f"{node.describe()}: offsets must rise from 0 to the number of rows, {size}")
        else:
            body.nest(ids.shape, each)
            self.checks.append(f"{node.describe()}: an index is out of range for {size} rows (-1 stands for nothing)")
        status = Load(STATUS, ZERO, "int")
        code = Number(len(self.checks), "int")
        body.put(Store(STATUS, ZERO, Apply("select", (bad, code, status), "int")))
        reads = (*body.reads.values(), Access(STATUS, False))
        name = f"k.check_{len(self.checks)}"
        comment = f"check the indices of {node.primitive.name}"
        return Kernel(name, 1, tuple(body.scopes[0]), reads, (Access(STATUS, False),), ids.type.size, comment)


def _checked(node: Node) -> tuple[Node, Size] | None:
    """The indices that a node goes by and the rows they point into, or the offsets and the rows they cut."""
    name = node.primitive.name
    if name == "take":
        return node.inputs[1], node.inputs[0].shape[0]
    if name == "take_along":
        return node.inputs[1], node.inputs[0].shape[node.attributes["axis"]]
    if name in ("scatter_add", "add_rows"):
        return node.inputs[-1], node.shape[0]
    if name == "put_along":
        return node.inputs[1], node.shape[node.attributes["axis"]]
    if name in SEGMENTS:
        return node.inputs[1], node.shape[0] if name == "segment_repeat" else node.inputs[0].shape[0]
    return None


KERNELS: dict[str, Callable[[Lowering, Node], Kernel]] = {
    "concatenate": Lowering.kernel_concatenate,
    "reshape": Lowering.kernel_reshape,
    **REDUCTION_KERNELS,
    **ROW_KERNELS,
    **SEGMENT_KERNELS,
}
"""What has loops of its own; every other kept node is computed entry by entry."""
