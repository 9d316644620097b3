"""Loops of scans: one loop for all results of a group, whose body becomes kernels like any other graph."""

from __future__ import annotations

from collections.abc import Container, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING

from lexgrad.compile.arrays import STATUS
from lexgrad.compile.body import Index, offset
from lexgrad.compile.donation import can_replace
from lexgrad.compile.loops import FIRST, LAST, ZERO, Access, Kernel, Load, Local, Loop, Statement, Store, Unless, extent
from lexgrad.compile.merge import merge
from lexgrad.compile.order import outputs_last
from lexgrad.compile.repeat import Before, Cut, Repeat, Row, Rows, Same, Step, Turns, Where, roots
from lexgrad.graph import CONSTANT, INPUT, PRIMITIVES, Graph, Node, Size, Type, group_key, product
from lexgrad.ops.packed_scan import rows_of

if TYPE_CHECKING:
    from lexgrad.compile.lower import Lowering


LOOPS = frozenset({"packed_scan", "scan"})


def groups(graph: Graph) -> dict[Node, list[Node]]:
    """The scans of a graph that one loop computes, under the first of them."""
    found: dict[Hashable, list[Node]] = {}
    for node in graph.nodes:
        if node.primitive.name in LOOPS:
            found.setdefault(group_key(node), []).append(node)
    return {nodes[0]: nodes for nodes in found.values()}


def lower_scan(low: Lowering, nodes: Sequence[Node]) -> list[Step]:
    """The loop that computes a group of scans, with what has to be done before and behind it.

    What a step gives out is written where it belongs: a result of each step into its row of the stack. The new value
    of a carry which is such a result too is read there by the next step; that of any other carry is in one of two
    buffers in turn, or in the place of the old value where that is read for the last time when it is written.
    """
    return _Group(low, nodes).steps()


def lower_packed_scan(low: Lowering, nodes: Sequence[Node]) -> list[Step]:
    """The loop that computes a group of packed scans, with what has to be done before and behind it.

    Carries have a place of their own, from which a step takes as many rows as it has. A new value is made elsewhere and
    copied there when all is done that reads the old one, unless it can be made there at once.
    """
    return _Packed(low, nodes).steps()


class _Group:
    """A group of scans on its way to a loop.

    Args:
        low: the graph that they are in.
        nodes: the scans.

    Attributes:
        results: the buffer of each result that is wanted, by its number.
        initial: the buffer of each carry at first.
        body: the body, with an output of its own for each carry and each stack.
        given: the buffers of the body's inputs and outputs.
        where: where those are that are elsewhere at each step.
        ended: the same behind the loop.
        copies: what each step does last.
    """

    def __init__(self, low: Lowering, nodes: Sequence[Node]) -> None:
        self.low = low
        self.scan = nodes[0]
        attributes = self.scan.attributes
        self.carries = attributes["carries"]
        self.results = {node.attributes["output"]: low.names[node] for node in nodes}
        operands = [low.names[low.fusion.views.get(operand, operand)] for operand in self.scan.inputs]
        self.initial, rest = self._sorted(operands)
        self.copies: list[Step] = []
        self.given: dict[Node, str] = {}
        self.where: dict[str, Where] = {}
        self.ended: dict[str, Before] = {}
        body: Graph = attributes["body"]
        self.old = list(body.inputs.values())[: self.carries]
        self.new, self.stacked = _own_outputs(body, self.carries, self.results)
        outputs = {f"{i}": node for i, node in enumerate([*self.new, *self.stacked])}
        self.body = Graph(body.inputs, outputs, body.name)
        for node, buffer in zip(list(body.inputs.values())[self.carries :], rest, strict=True):
            sliced = len(self.given) < attributes["sequences"]
            self.given[node] = self._moving(node, self._part(buffer, node)) if sliced else buffer
        for node, buffer in self.stacked.items():
            self.given[node] = self._moving(node, self._part(buffer, node))
        for node in (*self.old, *self.new):
            if node not in self.given:
                self.given[node] = low.all.buffer(node, moving=True)

    def _sorted(self, operands: Sequence[str]) -> tuple[list[str], list[str]]:
        """The buffers of carries and of what comes behind them; says how many steps there are."""
        self.length: Size = self.scan.attributes["length"]
        self.rows: Rows | None = None
        return list(operands[: self.carries]), list(operands[self.carries :])

    def _part(self, buffer: str, node: Node) -> Where:
        """Where a step's part of a sequence or of a stack is."""
        return Row(buffer, node.type.size)

    def _moving(self, node: Node, where: Where) -> str:
        name = self.low.all.buffer(node, moving=True)
        self.where[name] = where
        return name

    def steps(self) -> list[Step]:
        """What is done before the loop, the loop, and what is done behind it."""
        inner = type(self.low)(self.body, self.low.all, self.given)
        steps = outputs_last(inner.steps(), {self.given[node] for node in self.body.outputs.values()})
        before: list[Step] = []
        after: list[Step] = []
        for number in range(self.carries):
            self._carry(number, steps, before, after)
        steps += self.copies
        steps = merge(steps, {name: place.buffer for name, place in self.where.items() if isinstance(place, Same)})
        return [*before, self._repeat(steps), *after]

    def _carry(self, number: int, steps: Sequence[Step], before: list[Step], after: list[Step]) -> None:
        """Decide where a carry is, and what that takes before and behind the loop."""
        node = self.new[number]
        old, new = self.given[self.old[number]], self.given[node]
        initial, final = self.initial[number], self.results.get(number)
        if node not in self.stacked and can_replace(new, old, steps):
            place = final or self.low.all.buffer(node)
            self.where[old] = self.where[new] = Same(place)
            before.append(_copy(place, initial, node.type, unless=True))
            return
        if node not in self.stacked:
            self.where[new] = Turns(self.low.all.buffer(node), self.low.all.buffer(node))
        now = self.where[new]
        assert isinstance(now, Row | Turns)
        self.where[old] = Before(initial, now)
        if final:
            last = self.low.all.buffer(node, moving=True)
            self.ended[last] = Before(initial, now)
            after.append(_copy(final, last, node.type, roots(self.ended[last])))

    def _repeat(self, steps: Sequence[Step]) -> Repeat:
        seen = {*self.low.names.values(), STATUS}
        reads = {self.rows.offsets: Access(self.rows.offsets, aligned=False)} if self.rows else {}
        writes: dict[str, Access] = {}
        used = set()
        for step in steps:
            for accesses, found in ((step.reads, reads), (step.writes, writes)):
                for name in (access.buffer for access in accesses):
                    used.add(name)
                    for root in roots(self.where[name]) if name in self.where else [name] if name in seen else []:
                        found[root] = Access(root, aligned=False)
        what = ", ".join(self.results.values())
        return Repeat(
            f"k.{next(iter(self.results.values()))}",
            self.length,
            self.scan.attributes["reverse"],
            tuple(steps),
            {name: place for name, place in self.where.items() if name in used},
            self.ended,
            tuple(reads.values()),
            tuple(writes.values()),
            f"{what} = {self.scan.primitive.name}",
            self.rows,
        )


class _Packed(_Group):
    """A group of packed scans on its way to a loop."""

    def _sorted(self, operands: Sequence[str]) -> tuple[list[str], list[str]]:
        """See ``_Group``; the first operand are the offsets."""
        attributes, (offsets, carry, *_) = self.scan.attributes, self.scan.inputs
        (name,) = rows_of(attributes["body"]).names
        self.length = offsets.shape[0] - 1
        self.rows = Rows(name, operands[0], carry.shape[0], attributes["tokens"])
        return list(operands[1 : self.carries + 1]), list(operands[self.carries + 1 :])

    def _part(self, buffer: str, node: Node) -> Where:
        return Cut(buffer, product(node.shape[1:]))

    def _carry(self, number: int, steps: Sequence[Step], before: list[Step], after: list[Step]) -> None:
        """A place for a carry, and how its new value comes there."""
        node, operand = self.new[number], self.scan.inputs[number + 1]
        old, new = self.given[self.old[number]], self.given[node]
        place = self.results.get(number) or self.low.all.buffer(operand)
        before.append(_copy(place, self.initial[number], operand.type, unless=True))
        self.where[old] = Same(place)
        if node in self.stacked:
            self.copies.append(_copy(old, new, node.type))
        elif can_replace(new, old, steps):
            self.where[new] = Same(place)
        else:
            del self.low.all.moving[new]
            self.low.all.buffers[new] = node
            self.copies.append(_copy(old, new, node.type))


def _own_outputs(body: Graph, carries: int, wanted: Mapping[int, str]) -> tuple[list[Node], dict[Node, str]]:
    """The node of each carry's new value, and of each stack with its buffer: copies where one node is two outputs.

    What a carry becomes may be a result of each step as well.
    """
    values = list(body.outputs.values())
    stacked: dict[Node, str] = {}
    for number, node in enumerate(values):
        if number >= carries and number in wanted:
            stacked[_own(node, stacked)] = wanted[number]
    new: list[Node] = []
    for node in values[:carries]:
        new.append(node if node in stacked else _own(node, new))
    return new, stacked


def _own(node: Node, taken: Container[Node]) -> Node:
    """The node, or a copy of it where it is an output already, or none of the body's own values."""
    if node in taken or node.primitive is INPUT or node.primitive is CONSTANT:
        return Node(PRIMITIVES["stop_gradient"], (node,), {}, node.type, node.name)
    return node


def _copy(target: str, source: str, type: Type, others: Sequence[str] = (), unless: bool = False) -> Kernel:
    """A kernel that copies a buffer; ``others`` is where the source may really be."""
    index: Index = tuple(Local(f"i{axis}", "int") for axis in range(type.rank))
    place = offset(type.shape, index)
    body: tuple[Statement, ...] = (Store(target, place, Load(source, place, type.dtype)),)
    for axis, size in reversed(list(enumerate(type.shape))):
        body = (Loop(f"i{axis}", FIRST if axis == 0 else ZERO, LAST if axis == 0 else extent(size), body),)
    if not type.shape:
        body = (Loop("i", FIRST, LAST, body),)
    aligned = bool(type.shape)
    return Kernel(
        f"k.{target}",
        type.shape[0] if type.shape else 1,
        (Unless(target, source, body),) if unless else body,
        (Access(source, aligned, exact=True), *(Access(name, aligned=False, exact=True) for name in others)),
        (Access(target, aligned),),
        product(type.shape[1:]),
        f"{target}: {type} = copy",
        None if unless else type.shape,
    )
