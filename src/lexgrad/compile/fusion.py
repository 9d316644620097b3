"""Which values of a graph are kept in memory, and which are computed where they are read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from lexgrad.compile.softmax import softmax_of
from lexgrad.graph import CONSTANT, INPUT, Dim, Graph, Node, resolve
from lexgrad.ops.rows import distinct_from

ELEMENTWISE = {
    "absolute", "add", "cast", "cos", "divide", "equal", "exp", "greater", "greater_equal", "less", "less_equal",
    "log", "logical_and", "logical_not", "logical_or", "maximum", "minimum", "multiply", "negative", "not_equal",
    "power", "relu", "select", "sigmoid", "sign", "sin", "softplus", "sqrt", "stop_gradient", "subtract", "tanh",
}  # fmt: skip
"""Entry i of the result is made of entry i of each operand."""

EXPENSIVE = {"cos", "divide", "exp", "log", "power", "sigmoid", "sin", "softplus", "sqrt", "tanh"}
"""Worth computing once rather than wherever they are read. Random numbers are not: they are drawn by position, in a few
dozen integer instructions, and so dropout's masks are drawn again on the way back and never stored."""

MOVEMENT = {"broadcast", "pad", "reverse", "slice", "transpose"}
GATHERS = {"take", "take_along"}
REDUCTIONS = {"argmax", "lane_max", "lane_sum", "logsumexp", "max", "sum"}
SEGMENTS = {"segment_argmax", "segment_max", "segment_repeat", "segment_sum"}
OPAQUE = {
    "add_along", "add_rows", "concatenate", "matmul", "order_met", "packed_scan", "scan", "scatter_add", "set_rows",
    *REDUCTIONS, *SEGMENTS,
}  # fmt: skip
"""Have loops of their own, and so their results are kept."""


@dataclass
class Fusion:
    """The decision for a graph.

    Attributes:
        kept: nodes whose values lie in memory, in topological order.
        views: reshapes of something in memory: the same entries under another shape.
        epilogues: for a matrix product that is not kept: the kept node that is computed as its tiles come out.
        softmaxes: for a kept softmax of rows, what of; their logsumexp, which nothing else reads, is not kept.
    """

    kept: list[Node] = field(default_factory=list)
    views: dict[Node, Node] = field(default_factory=dict)
    epilogues: dict[Node, Node] = field(default_factory=dict)
    softmaxes: dict[Node, Node] = field(default_factory=dict)


def fuse(graph: Graph, packed: bool = False) -> Fusion:
    """Decide what is kept in memory.

    ``packed`` says whether operands of matrix products are packed anyway, as they are in bf16.

    Kept are inputs, outputs, whatever has loops of its own, operands of those that read an operand many times, and
    expensive values with several readers. Everything else is computed where it is read.
    """
    users: dict[Node, list[Node]] = {node: [] for node in graph.nodes}
    for node in graph.nodes:
        for operand in node.inputs:
            users[operand].append(node)
    outputs = set(graph.outputs.values())
    in_rows = _only_in_changed_rows(graph, users, outputs)
    prologues = _prologues(graph, users, outputs) if packed else set()
    must: set[Node] = set()
    beyond: set[Node] = set()
    for node in graph.nodes:
        if _reaches_beyond(node, beyond):
            beyond.add(node)
        if (
            (node.primitive is CONSTANT and node.shape)
            or node.primitive is INPUT
            or node.primitive.name in OPAQUE
            or node in outputs
            or puts_many(node)
        ):
            must.add(node)
        for operand in node.inputs:
            read = read_in_place(node, operand)
            if _reads_often(node, operand) or (node.primitive.name == "pad" and operand in beyond):
                must |= {read} - prologues
        shared = len(users[node]) > 1 and node not in in_rows
        if _expensive(node) and (shared or any(_repeats_rows(user, node) for user in users[node])):
            must.add(node)
    _limit(graph, must, users)
    return _settle(graph, must, users, outputs)


def _prologues(graph: Graph, users: dict[Node, list[Node]], outputs: set[Node]) -> set[Node]:
    """Operands of matrix products that are computed as they are packed.

    Elementwise ones that products alone read, if no thread computes what another computes too: once, or, where it
    costs less than loading, for each of several products. What comes out of a product is computed there.
    """
    return {
        node
        for node in graph.nodes
        if node.primitive.name in ELEMENTWISE
        and node.type.dtype == "float"
        and node not in outputs
        and (readers := _product_readers(node, users))
        and (len(readers) == 1 or not _expensive(node))
        and all(left != shares_columns(matrix, packed=True) for matrix, left in readers)
        and not _made_of_product(node)
    }


def _product_readers(node: Node, users: dict[Node, list[Node]]) -> list[tuple[Node, bool]]:
    """The products of two matrices that read ``node``, and whether as the left operand; none if others read it too."""
    readers = []
    for user in users[node]:
        for operand, reader in [(user, far) for far in users[user]] if swaps(user) else [(node, user)]:
            if reader.primitive.name != "matmul" or reader.ndim != 2 or reader.inputs[0] is reader.inputs[1]:
                return []
            if read_in_place(reader, operand) is not node:
                return []
            readers.append((reader, operand is reader.inputs[0]))
    return readers


def _made_of_product(node: Node) -> bool:
    stack = [node]
    while stack:
        current = stack.pop()
        if current.primitive.name == "matmul":
            return True
        if current.primitive.name in ELEMENTWISE:
            stack.extend(current.inputs)
    return False


def _only_in_changed_rows(graph: Graph, users: dict[Node, list[Node]], outputs: set[Node]) -> set[Node]:
    """Values that are asked for only where rows of a table change: there they are computed for rows that there are.

    Kept they would be computed for every place of the batch, also where an id comes again.
    """
    found: set[Node] = set()
    for node in reversed(graph.nodes):
        if node not in outputs and all(
            (user in found and user.primitive.name in ELEMENTWISE)
            or (user.primitive.name in ("add_rows", "set_rows") and distinct_from(user.inputs[2]) is not None
                and node is user.inputs[1])
            for user in users[node]
        ):  # fmt: skip
            found.add(node)
    return found


DEEPEST, DEAREST = 50, 24
"""How many operations deep a value may be that is computed where it is read, and how many it may take in all."""


def _limit(graph: Graph, must: set[Node], users: dict[Node, list[Node]]) -> None:
    """Keep some more: of a long chain every so many links, and what several readers would compute at length."""
    depth: dict[Node, int] = {}
    work: dict[Node, int] = {}
    for node in graph.nodes:
        inner = [operand for operand in node.inputs if operand not in must]
        depth[node] = 1 + max((depth[operand] for operand in inner), default=0)
        work[node] = 1 + sum(work[operand] for operand in inner)
        computed = node.primitive.name in ELEMENTWISE or node.primitive.name in MOVEMENT
        if computed and (depth[node] > DEEPEST or (work[node] > DEAREST and len(users[node]) > 1)):
            must.add(node)


def _reaches_beyond(node: Node, beyond: set[Node]) -> bool:
    """Whether the first entry of ``node`` may be asked of memory that has none, because ``node`` is empty.

    A slice or a reversed axis that turns out empty begins behind, or before, what there is; ``beyond`` are such nodes.
    """
    if node.primitive.name in ("slice", "reverse") and any(isinstance(size, Dim) for size in node.shape):
        return True
    computed = node.primitive.name in ELEMENTWISE or node.primitive.name in MOVEMENT or node.primitive.name == "reshape"
    return computed and any(operand in beyond for operand in node.inputs)


def _reads_often(node: Node, operand: Node) -> bool:
    """Whether ``node`` reads each entry of ``operand`` more than once, or in an order of its own."""
    name = node.primitive.name
    if name in ("matmul", "packed_scan", "scan"):
        return True
    if name == "reshape":
        return _drops_or_adds_ones(node) is None
    if name in ("take", "take_along"):
        return operand is node.inputs[0] or (name == "take" and node.inputs[0].ndim > 1 and _expensive(operand))
    if name in ("logsumexp", "argmax", "segment_argmax", "segment_max"):
        return operand.primitive is not CONSTANT
    if name in ("add_rows", "order_met", "scatter_add", "set_rows"):
        return operand is node.inputs[-1]
    return name in SEGMENTS and operand is node.inputs[1]


def _repeats_rows(node: Node, operand: Node) -> bool:
    """Whether ``node`` has every entry of ``operand`` once for each of its rows: what is the same within a row is
    computed once there."""
    if node.primitive.name != "broadcast" or not operand.shape:
        return False
    return 0 not in node.attributes["axes"] and node.shape[0] != 1


def read_in_place(node: Node, operand: Node) -> Node:
    """What is in memory for ``operand``: a product of matrices reads a transposed one where it lies.

    It reads one of the two so: if both are transposed, the left one is kept as it is asked for.
    """
    if node.primitive.name != "matmul" or node.ndim != 2 or not swaps(operand):
        return operand
    left, right = node.inputs
    return operand if operand is left and swaps(right) else operand.inputs[0]


def puts_many(node: Node) -> bool:
    """Whether a put_along puts more than one value along its axis; one is a comparison with its index."""
    return node.primitive.name == "put_along" and node.inputs[1].shape[node.attributes["axis"]] != 1


def swaps(node: Node) -> bool:
    """Whether a node is a transposed matrix."""
    return node.primitive.name == "transpose" and node.attributes["axes"] == (1, 0)


LARGE = 1 << 20
"""Entries of an operand that only a cache which processors share can hold."""
USUAL = 256
"""What a named size is taken for, where something has to be decided."""


def shares_columns(matrix: Node, packed: bool) -> bool:
    """Whether threads divide the columns of a product among themselves, rather than its rows.

    Rows, so that what follows finds its own rows; or columns, where there are more of them and the rows of the left
    operand lie across memory, as in a weight's gradient, or the right one is too large for every thread to read all of
    it. Where all operands are packed, or the right one is turned for rows that nobody knows the number of: what there
    is more of, for each thread packs the other operand for itself. Of rows that are taken once each, those that there
    are.
    """
    rows, columns = matrix.shape
    left, right = matrix.inputs
    if left.primitive.name == "take" and distinct_from(left.inputs[1]) is not None:
        return False
    if packed or (swaps(right) and isinstance(rows, Dim)):
        usual = {name: USUAL for size in (rows, columns) if isinstance(size, Dim) for name in size.names}
        return resolve(columns, usual) > resolve(rows, usual)
    if not isinstance(rows, int) or not isinstance(columns, int):
        return False
    large = isinstance(right.type.size, int) and right.type.size >= LARGE
    return columns > rows and (swaps(left) or rows < 32 or large)


def _drops_or_adds_ones(node: Node) -> bool | None:
    """True for a reshape that only drops or adds axes of size 1; None for any other."""
    before = [size for size in node.inputs[0].shape if size != 1]
    after = [size for size in node.shape if size != 1]
    return True if before == after else None


def _expensive(node: Node) -> bool:
    """Whether computing one entry of ``node`` again costs more than loading it."""
    stack, work = [node], 0
    while stack:
        current = stack.pop()
        if current.primitive.name in EXPENSIVE:
            return True
        if current.primitive.name in ELEMENTWISE:
            work += 1
            if work > 3:
                return True
            stack.extend(current.inputs)
        elif current.primitive.name in GATHERS:
            return True
    return False


def _settle(graph: Graph, must: set[Node], users: dict[Node, list[Node]], outputs: Iterable[Node]) -> Fusion:
    fusion = Fusion()
    results = set(outputs)
    for node in graph.nodes:
        if node.primitive.name == "reshape" and node not in results:
            source = fusion.views.get(node.inputs[0], node.inputs[0])
            if node.inputs[0] in must or node.inputs[0] in fusion.views:
                fusion.views[node] = source
                must.discard(node)
                continue
        if node in must:
            fusion.kept.append(node)
    for node in list(fusion.kept):
        if node.primitive.name == "matmul" and node.ndim == 2 and node not in results:
            root = _only_reader(node, users, must)
            if root is not None:
                fusion.epilogues[node] = root
                fusion.kept.remove(node)
    taken: set[Node] = set()
    for node, root in list(fusion.epilogues.items()):
        if root in taken:  # one product an epilogue
            del fusion.epilogues[node]
            fusion.kept.append(node)
        taken.add(root)
    for node in list(fusion.kept):
        logsumexp = softmax_of(node)
        if logsumexp is not None and _leads_to(logsumexp, node, users, results | must - {logsumexp}):
            fusion.softmaxes[node] = logsumexp.inputs[0]
            fusion.kept.remove(logsumexp)
    order = {node: i for i, node in enumerate(graph.nodes)}
    fusion.kept.sort(key=order.__getitem__)
    return fusion


def _leads_to(node: Node, root: Node, users: dict[Node, list[Node]], others: set[Node]) -> bool:
    """Whether ``node`` is read for the sake of ``root`` alone, and nothing on the way is among ``others``."""
    while node is not root:
        if len(users[node]) != 1 or node in others:
            return False
        (node,) = users[node]
    return True


def _only_reader(node: Node, users: dict[Node, list[Node]], must: set[Node]) -> Node | None:
    """The kept elementwise node that alone reads ``node``, entry by entry; None where there is no such node."""
    current = node
    while len(users[current]) == 1:
        (user,) = users[current]
        if user.primitive.name not in ELEMENTWISE or user.shape != node.shape:
            return None
        if user in must:
            return user
        current = user
    return None
