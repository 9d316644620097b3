"""What can only be known when a program runs: sizes that do not fit, and indices out of range.

The errors are those that the interpreter raises. Sizes are checked before a launch; indices by kernels, which leave
what they found in the buffer ``status``, while every load of an entry by number stays inside its buffer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lexgrad.compile.arrays import STATUS
from lexgrad.compile.body import Body, Index
from lexgrad.compile.fusion import SEGMENTS
from lexgrad.compile.loops import (
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
    Number,
    Store,
    add,
    extent,
)
from lexgrad.errors import InputError, ShapeError
from lexgrad.graph import Dim, Graph, Node, Shape, Size, located, resolve
from lexgrad.ops.lifting import scalar_constant
from lexgrad.passes.sparse import at_most

if TYPE_CHECKING:
    from lexgrad.compile.lower import Lowering


# --- indices


@dataclass(frozen=True)
class Check:
    """Indices, or offsets, that have to fit.

    Attributes:
        node: what goes by them.
        ids: the indices or offsets.
        rows: how many rows they point into, or cut.
        most: of offsets of steps, none of which has more rows than the one before: how many the first has at most.
    """

    node: Node
    ids: Node
    rows: Size
    most: Size | None = None

    @property
    def cuts(self) -> bool:
        """Whether these are offsets."""
        return self.node.primitive.name in SEGMENTS or self.most is not None

    def error(self, found: Sequence[int]) -> InputError:
        """What to raise for what the kernel found: lowest and highest index, or first and last offset; and the rows."""
        low, high, rows = found
        if self.most is not None:
            text = f"steps must have no more rows than the one before, {rows} in all; got offsets {low} … {high}"
        elif self.cuts:
            text = f"offsets must rise from 0 to the number of rows, {rows}; got {low} … {high}"
        else:
            text = f"index {low if low < -1 else high} is out of range for {rows} rows (-1 stands for nothing)"
        return _located(InputError(text), self.node)


def check_of(node: Node) -> Check | None:
    """What has to be checked before a node is computed, if anything."""
    name = node.primitive.name
    if name in ("take", "take_along"):
        return Check(node, node.inputs[1], node.inputs[0].shape[node.attributes.get("axis", 0)])
    if name in ("scatter_add", "add_rows", "set_rows"):
        return Check(node, node.inputs[-1], node.shape[0])
    if name in ("add_along", "put_along"):
        return Check(node, node.inputs[-1], node.shape[node.attributes["axis"]])
    if name in SEGMENTS:
        return Check(node, node.inputs[1], node.shape[0] if name == "segment_repeat" else node.inputs[0].shape[0])
    if name == "packed_scan":
        return Check(node, node.inputs[0], node.attributes["tokens"], node.inputs[1].shape[0])
    return None


def fits(ids: Node, rows: Size, checked: Collection[tuple[Node, Size]]) -> bool:
    """Whether all of ``ids`` are sure to be numbers of ``rows`` rows, or -1; ``checked`` are those that are checked."""
    name = ids.primitive.name
    if (ids, rows) in checked:
        return True
    if name in ("iota", "order_met", "segment_argmax"):
        return at_most((ids.inputs or (ids,))[0].shape[0], rows)
    if name == "constant":
        return scalar_constant(ids) == -1
    made_of = {"select": ids.inputs[1:], **dict.fromkeys(_OF_FIRST, ids.inputs[:1])}.get(name, ())
    return bool(made_of) and all(fits(operand, rows, checked) for operand in made_of)


_OF_FIRST = ("broadcast", "reshape", "segment_repeat", "slice", "take")
"""Primitives whose entries are entries of the first operand."""


def kernel_check(low: Lowering, check: Check, number: int) -> Kernel:
    """The kernel of check ``number``, which leaves that number in ``status`` if it is the first to fail."""
    body = Body(extent=1)
    bad, found = (_offsets if check.cuts else _indices)(low, body, check)
    status = Load(STATUS, ZERO, "int")
    body.put(Let("failed", _both(bad, Apply("equal", (status, ZERO), "bool"))))
    failed = Local("failed", "bool")
    for word, value in enumerate((Number(number, "int"), *found, extent(check.rows))):
        place = Number(word, "int")
        body.put(Store(STATUS, place, Apply("select", (failed, value, Load(STATUS, place, "int")), "int")))
    reads = (*body.reads.values(), Access(STATUS, False))
    comment = f"check the indices of {check.node.primitive.name}"
    size = check.ids.type.size
    return Kernel(f"k.check_{number}", 1, tuple(body.scopes[0]), reads, (Access(STATUS, False),), size, comment)


def _indices(low: Lowering, body: Body, check: Check) -> tuple[Expression, tuple[Expression, Expression]]:
    lowest, highest = Local("lowest", "int"), Local("highest", "int")
    body.put(Declare(lowest.name, ZERO))
    body.put(Declare(highest.name, Number(-1, "int")))

    def each(index: Index) -> None:
        number = low.value(body, check.ids, index)
        body.put(Assign(lowest.name, Apply("minimum", (lowest, number), "int")))
        body.put(Assign(highest.name, Apply("maximum", (highest, number), "int")))

    body.nest(check.ids.shape, each)
    below = Apply("less", (lowest, Number(-1, "int")), "bool")
    above = Apply("less_equal", (extent(check.rows), highest), "bool")
    return Apply("logical_or", (below, above), "bool"), (lowest, highest)


def _offsets(low: Lowering, body: Body, check: Check) -> tuple[Expression, tuple[Expression, Expression]]:
    texts = extent(check.ids.shape[0] - 1)
    falls = Local("falls", "bool")
    body.put(Declare(falls.name, Number(False, "bool")))
    most = Local("most", "int")
    if check.most is not None:
        body.put(Declare(most.name, extent(check.most)))

    def each(text: Local) -> None:
        start, stop = low.value(body, check.ids, (text,)), low.value(body, check.ids, (add(text, ONE),))
        falling = Apply("less", (stop, start), "bool")
        if check.most is not None:
            count = Apply("subtract", (stop, start), "int")
            falling = Apply("logical_or", (falling, Apply("less", (most, count), "bool")), "bool")
        body.put(Assign(falls.name, Apply("logical_or", (falls, falling), "bool")))
        if check.most is not None:
            body.put(Assign(most.name, count))

    body.loop(ZERO, texts, each)
    first, last = low.value(body, check.ids, (ZERO,)), low.value(body, check.ids, (texts,))
    wrong = Apply("logical_or", (falls, Apply("not_equal", (first, ZERO), "bool")), "bool")
    wrong = Apply("logical_or", (wrong, Apply("not_equal", (last, extent(check.rows)), "bool")), "bool")
    return wrong, (first, last)


def _both(x: Expression, y: Expression) -> Expression:
    return Apply("logical_and", (x, y), "bool")


# --- sizes


@dataclass(frozen=True)
class Requirement:
    """A size that has to be at least 0, and what is wrong when it is not; the text has places for sizes."""

    node: Node
    size: Size
    text: str
    shown: Shape
    kind: type[InputError] = ShapeError

    def check(self, sizes: Mapping[str, int]) -> None:
        """Hold it against named sizes.

        Raises:
            InputError: it does not hold.
        """
        if resolve(self.size, sizes) < 0:
            raise _located(self.kind(self.text.format(*(resolve(size, sizes) for size in self.shown))), self.node)


def requirements(graph: Graph) -> list[Requirement]:
    """What the named sizes of a graph, and of the bodies of its loops, have to keep, apart from what always holds."""
    needs = [need for node in graph.nodes for need in _needs(node) if not _never_negative(need.size)]
    bodies = {node.attributes["body"]: None for node in graph.nodes if "body" in node.attributes}
    return [*needs, *(need for body in bodies for need in requirements(body))]


def _needs(node: Node) -> Iterator[Requirement]:
    name, attributes = node.primitive.name, node.attributes
    if name in ("max", "argmax"):
        axis = attributes["axis"]
        text = f"axis {axis} is empty and has no largest entry"
        yield Requirement(node, node.inputs[0].shape[axis] - 1, text, (), InputError)
    if name == "slice":
        for size, start, stop in zip(node.inputs[0].shape, attributes["starts"], attributes["stops"], strict=True):
            for room in (start, stop - start, size - stop):
                yield Requirement(node, room, "slice {}:{} is out of range for size {}", (start, stop, size))
    if name == "pad":
        for before, after in zip(attributes["low"], attributes["high"], strict=True):
            for room in (before, after):
                yield Requirement(node, room, "cannot pad by less than nothing; got {} and {}", (before, after))
    for size in node.shape:
        yield Requirement(node, size, f"the size {size} is {{}}", (size,))


def _never_negative(size: Size) -> bool:
    """Whether a size is at least 0 whatever the named sizes are."""
    return all(coefficient >= 0 for _, coefficient in size.terms) if isinstance(size, Dim) else size >= 0


def _located(error: InputError, node: Node) -> InputError:
    operands = [f"{operand.name} {operand.type}".strip() for operand in node.inputs]
    return located(error, node.primitive.name, operands, node.location)
