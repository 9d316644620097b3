"""Words that come several times in a batch are multiplied once.

A batch of texts reads some rows of a table again and again: of the words of fifty sentences every second one has been
there before. With u = distinct(i) and n = order_met(i), x[i] @ W is (x[u] @ W)[n], and of x[u] a compiled program
multiplies only as many rows as there are different ids.
"""

from __future__ import annotations

from lexgrad import ops
from lexgrad.graph import Firing, Graph, Node, Size, rebuild
from lexgrad.ops.rows import distinct_from
from lexgrad.passes.combined import far_fewer
from lexgrad.passes.common import eliminate_common
from lexgrad.passes.rules import is_a
from lexgrad.passes.sparse import followed

WORTH = 64
"""Columns of what rows are multiplied with, from which on telling ids apart costs far less than what it saves."""

NAME = "take(x, i) @ W → take(take(x, distinct(i)) @ W, order_met(i))"


def multiply_once(graph: Graph) -> tuple[Graph, list[Firing]]:
    """Rows of a large parameter that products read are taken once each, also for who looks them up by number.

    Pieces W[j] of one array that they are multiplied with, the weights of a window say, are one matrix.

    Returns:
        the new graph, and each product and look-up before and after.
    """
    columns: dict[Node, int] = {}
    for node in graph.nodes:
        if is_a(node, "matmul") and node.ndim == 2 and isinstance(node.shape[1], int) and _repeats(node.inputs[0]):
            columns[node.inputs[0]] = columns.get(node.inputs[0], 0) + node.shape[1]
    once = {rows: _once(rows) for rows, width in columns.items() if width >= WORTH}
    if not once:
        return graph, []
    firings: list[Firing] = []
    products: dict[Node, tuple[Node, Node, int]] = {}

    def changed(node: Node) -> Node:
        name = node.primitive.name
        if name == "matmul" and node.inputs[0] in once:
            rows, order = once[node.inputs[0]]
            product, start = _product(rows, node.inputs[1])
            after = _columns(ops.take(product, order), start, node.shape[1])
            products[after] = product, order, start
        elif name == "take" and node.inputs[0] in once:
            rows, order = once[node.inputs[0]]
            after = ops.take(rows, followed(order, node.inputs[1]))
        elif name == "take" and node.inputs[0] in products:
            product, order, start = products[node.inputs[0]]
            after = _columns(ops.take(product, followed(order, node.inputs[1])), start, node.shape[-1])
        else:
            return node
        after.name = node.name
        firings.append(Firing(NAME, node, after))
        return after

    new = rebuild(graph.nodes, {node: node for node in graph.inputs.values()}, changed)
    after = Graph(graph.inputs, {name: new[node] for name, node in graph.outputs.items()}, graph.name)
    return eliminate_common(after)[0], firings


def _product(rows: Node, weights: Node) -> tuple[Node, int]:
    """The product of rows and weights, or of all weights that these are a piece of, and at which column they begin."""
    piece = weights.inputs[0] if is_a(weights, "transpose") else weights
    cut = piece.inputs[0] if is_a(piece, "reshape") else piece
    if piece is weights or not is_a(cut, "slice"):
        return rows @ weights, 0
    (whole,) = cut.inputs
    number, outputs = cut.attributes["starts"][0], piece.shape[0]
    if whole.ndim != 3 or piece.shape != whole.shape[1:] or not isinstance(outputs, int):
        return rows @ weights, 0
    every = ops.reshape(whole, (whole.shape[0] * outputs, whole.shape[2]))
    return rows @ ops.transpose(every), number * outputs


def _columns(x: Node, start: int, width: Size) -> Node:
    return x if width == x.shape[-1] else ops.take_slice(x, x.ndim - 1, start, start + width)


def _repeats(rows: Node) -> bool:
    """Whether these are rows of a large parameter, some perhaps several times."""
    if not is_a(rows, "take") or rows.ndim != 2:
        return False
    x, ids = rows.inputs
    return is_a(x, "input") and ids.ndim == 1 and far_fewer(ids, x.shape[0]) and distinct_from(ids) is None


def _once(rows: Node) -> tuple[Node, Node]:
    """Each row once, and for every one that was asked for its number among them."""
    x, ids = rows.inputs
    return ops.take(x, ops.distinct(ids)), ops.order_met(ids)
