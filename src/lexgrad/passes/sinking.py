"""Behind the loop: results that no carry needs, and sums over all steps, for all steps at once.

The logits of a language model are one product of the states of all steps. The gradient of a recurrent weight, a sum of
small products over the steps, is one product of tall matrices: Σ_t aᵗᵀ bᵗ = Aᵀ B, with the rows of all steps in A and
B.
"""

from __future__ import annotations

from collections import Counter

from lexgrad import ops
from lexgrad.graph import INPUT, Node, topological
from lexgrad.passes.batching import BATCHED, Outside, rows, stacked
from lexgrad.passes.hoisting import costly
from lexgrad.passes.rules import again, example, floats, ints, is_a
from lexgrad.passes.scans import Loop, LoopRule
from lexgrad.trace import scan


def sink_results(loop: Loop) -> dict[int, Node] | None:
    """Results that no carry needs are computed from the stacks of what they are made of, where that is costly."""
    outside = Outside(loop)
    needed = set(topological(carry.new for carry in loop.carries.values()))
    cuts = _cuts(loop, outside, needed)
    moved = {
        i: node
        for i, node in loop.results.items()
        if i in loop.used and node not in cuts[node] and _costly_above(node, cuts[node])
    }
    if not moved:
        return None
    for node in moved.values():
        for leaf in cuts[node]:
            outside.stack(leaf)
    values = {i: outside.value(node) for i, node in moved.items()}
    loop.results = {i: node for i, node in loop.results.items() if i not in moved}
    return outside.emit({i: stacked(value, loop.length) for i, value in values.items() if value is not None})


def _cuts(loop: Loop, outside: Outside, needed: set[Node]) -> dict[Node, dict[Node, None]]:
    """For every inner node, whose stacks it can be computed of outside: as few as can easily be found."""
    carried, stepwise = loop.carried, loop.stepwise
    cuts: dict[Node, dict[Node, None]] = {}
    for node in loop.order:
        if node not in carried:
            cuts[node] = {} if outside.value(node) is not None else {node: None}
        elif node in needed or node.primitive is INPUT or not _batched(node, stepwise):
            cuts[node] = {node: None}
        else:
            parts = [(operand, cuts[operand]) for operand in node.inputs]
            if costly(node):  # one stack of an operand in place of several of what it is made of
                parts = [(operand, cut if len(cut) < 2 else {operand: None}) for operand, cut in parts]
            cuts[node] = {leaf: None for _, cut in parts for leaf in cut}
    return cuts


def _batched(node: Node, stepwise: set[Node]) -> bool:
    return node.primitive.name in BATCHED and not (is_a(node, "take") and node.inputs[0] in stepwise)


def _costly_above(node: Node, cut: dict[Node, None]) -> bool:
    """Whether something costly lies between a node and its cut."""
    stack, seen = [node], {node, *cut}
    while stack:
        part = stack.pop()
        if costly(part):
            return True
        for operand in part.inputs:
            if operand not in seen:
                seen.add(operand)
                stack.append(operand)
    return False


def sum_behind(loop: Loop) -> dict[int, Node] | None:
    """A carry to which every step only adds is its start and a sum over all steps."""
    users = Counter(operand for node in loop.order for operand in node.inputs)
    users.update(loop.outputs)
    totals = _Totals(loop)
    added = {j: _terms(carry.new, carry.inner, users) for j, carry in loop.carries.items()}
    finals: dict[int, Node] = {}
    while True:  # a stack that one sum asks for may serve the next
        pays = [j for j, terms in added.items() if terms and all(totals.pays(term) for _, term in terms)]
        if not pays:
            return totals.outside.emit(finals) if finals else None
        j = pays[0]
        finals[j] = loop.carries.pop(j).start
        for sign, term in added.pop(j):
            total = totals.total(term)
            finals[j] = finals[j] + total if sign > 0 else finals[j] - total


def _terms(new: Node, inner: Node, users: Counter[Node]) -> list[tuple[int, Node]]:
    """What is added to a carry, with signs; nothing where anything else is done with it."""
    terms: list[tuple[int, Node]] = []
    node = new
    while node is not inner:
        if users[node] != 1 or node.primitive.name not in ("add", "subtract"):
            return []
        x, y = node.inputs
        if is_a(node, "add") and _holds(y, inner):
            x, y = y, x
        if _holds(y, inner):
            return []
        terms.append((-1 if is_a(node, "subtract") else 1, y))
        node = x
    return terms if users[inner] == 1 else []


def _holds(node: Node, part: Node) -> bool:
    return part in topological([node])


class _Totals:
    """Sums over the steps, by linearity as close to the leaves as it pays."""

    def __init__(self, loop: Loop) -> None:
        self.outside = Outside(loop)
        self.length = loop.length
        self.stepwise, self.carried = loop.stepwise, loop.carried

    def pays(self, node: Node) -> bool:
        """Whether the sum takes no stack of arrays that nothing else needs: they are as well added up in the loop."""
        if node not in self.stepwise or is_a(node, "sum"):
            return True
        if not self._structured(node):
            known = node in self.outside.awaited or node in self.outside.loop.results.values()
            return known or not node.ndim or node not in self.carried
        return node.primitive.name not in _LINEAR or all(map(self.pays, node.inputs))

    def total(self, node: Node) -> Node:
        """Σ over the steps of an inner node, as an outer one."""
        if node not in self.stepwise:
            value = self.outside.value(node)
            assert value is not None
            return value.node * ops.cast(ops.size(self.length), node.type.dtype)
        if is_a(node, "sum"):
            axes = (0, *(axis + 1 for axis in node.attributes["axes"]))
            return ops.sum(self.stack(node.inputs[0]), axes)
        if not self._structured(node):
            return ops.sum(self.stack(node), 0)
        if node.primitive.name in _LINEAR:
            return again(node, *map(self.total, node.inputs))
        return self._product(node)

    def stack(self, node: Node) -> Node:
        """The stack of an inner node."""
        if is_a(node, "transpose"):
            return ops.transpose(self.stack(node.inputs[0]), (0, *(axis + 1 for axis in node.attributes["axes"])))
        value = self.outside.value(node)
        return self.outside.stack(node) if value is None else stacked(value, self.length)

    def _structured(self, node: Node) -> bool:
        """Whether there is more to gain than by adding up entries."""
        if node not in self.stepwise:
            return False
        if node.primitive.name in _LINEAR:
            return any(map(self._structured, node.inputs))
        if is_a(node, "multiply"):
            return _outer(node) or any(operand not in self.stepwise for operand in node.inputs)
        if is_a(node, "matmul"):
            return all(x.ndim == 2 for x in node.inputs)
        return is_a(node, "scatter_add") or is_a(node, "sum")

    def _product(self, node: Node) -> Node:
        x, y = node.inputs
        if is_a(node, "scatter_add"):
            return again(node, self.stack(x), self.stack(y))
        if x not in self.stepwise or y not in self.stepwise:
            return again(node, self._factor(x), self._factor(y))
        if is_a(node, "multiply"):
            column, row = (self.stack(factor.inputs[0]) for factor in _sides(node))
            return column.T @ row
        if is_a(x, "transpose"):
            return rows(self.stack(x.inputs[0])).T @ rows(self.stack(y))
        return rows(self.stack(ops.transpose(x))).T @ rows(self.stack(y))

    def _factor(self, node: Node) -> Node:
        """The sum of the factor that varies, the other as it is."""
        if node in self.stepwise:
            return self.total(node)
        value = self.outside.value(node)
        assert value is not None
        return value.node


_LINEAR = frozenset(
    {"add", "broadcast", "concatenate", "negative", "pad", "reshape", "reverse", "slice", "subtract", "transpose"}
)
"""Σ f(x) = f(Σ x)."""


def _outer(node: Node) -> bool:
    """Whether a product is one of a column and a row."""
    return len(_sides(node)) == 2


def _sides(node: Node) -> list[Node]:
    """The column and the row of an outer product; nothing where it is none."""
    places = {x.attributes["axes"]: x for x in node.inputs if is_a(x, "broadcast") and x.ndim == 2}
    return [places[0,], places[1,]] if set(places) == {(0,), (1,)} else []


def _sums(h: Node, x: Node, W: Node) -> Node:
    """The sum of the states of all steps, and a gradient of W as backpropagation through time adds it up."""

    def step(carry: tuple[Node, Node, Node], x: Node) -> tuple[tuple[Node, Node, Node], None]:
        h, total, d_W = carry
        new = ops.tanh(x + h @ W)
        return (new, total + ops.sum(new), d_W + h.T @ new), None

    start = h, ops.constant(0.0), ops.broadcast_to(0.0, W.shape)
    _, total, d_W = scan(step, start, x)[0]
    return ops.sin(total) + ops.sum(ops.sin(d_W))


def _losses(h: Node, x: Node, y: Node, W: Node, U: Node) -> Node:
    """The losses of a language model, step by step."""

    def step(h: Node, given: tuple[Node, Node]) -> tuple[Node, Node]:
        x, y = given
        new = ops.tanh(x + h @ W)
        return new, ops.cross_entropy(new @ U, y)

    return ops.sum(scan(step, h, (x, y))[1])


_TYPES = floats(2, 3), floats(4, 2, 3), ints(4, 2), floats(3, 3), floats(3, 5)

RULES: list[LoopRule] = [
    LoopRule(
        "loop: a carry that is only added to → a sum behind",
        sum_behind,
        example(_sums, floats(2, 3), floats(4, 2, 3), floats(3, 3)),
    ),
    LoopRule("loop: a result that no carry needs → behind, for all steps", sink_results, example(_losses, *_TYPES)),
]
