"""Loops for people: a Python function of one step becomes the body of a scan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from lexgrad.errors import InputError, ShapeError
from lexgrad.graph import Dim, Graph, Node, Size, depending_on, distinct, input_node, rebuild, topological
from lexgrad.ops import lift
from lexgrad.ops.lifting import operation, whole_size
from lexgrad.ops.packed_scan import packed_loop
from lexgrad.ops.scan import loop
from lexgrad.trace.tracing import output_node, parameter_names
from lexgrad.trace.trees import TreeShape, tree_flatten, tree_unflatten


@operation
def scan(
    step: Callable[[Any, Any], tuple[Any, Any]],
    initial: Any,
    sequences: Any = None,
    *,
    length: Size | None = None,
    reverse: bool = False,
) -> tuple[Any, Any]:
    """Apply ``step`` along sequences, handing what it carries from each step to the next: a recurrence.

    An Elman network over ``x`` of shape ``(time, batch, inputs)``::

        def step(h, x_t):
            h = lg.tanh(x_t @ W_x + h @ W_h + b)
            return h, h

        h_last, h_all = lg.scan(step, h_0, x)  # (batch, units) and (time, batch, units)

    ``step`` is called once, on nodes that stand for any one step. What it reads from outside, such as ``W_x`` above,
    all steps share.

    Args:
        step: ``step(carry, slices)`` returns the new carry, of the tree, types and shapes that it had, and results: any
            tree of nodes, or None.
        initial: the carry before the first step: a number, array, node or tree of them.
        sequences: an array, a node or a tree of them, of which step t gets entry t of the first axis; or None.
        length: the number of steps; follows from the sequences where there are some.
        reverse: go from the last step to the first. Results still stand at the place of their step.

    Returns:
        the carry after the last step (``initial`` where there is none), and the results of all steps, stacked along a
        new first axis.

    Raises:
        InputError: ``step`` does not return a pair, or a carry of another tree or dtype than the one it got.
        ShapeError: sequences of different lengths, or a carry changes its shape.
    """
    carry_name, slice_name = parameter_names(step, 2)
    carries, carry_tree = tree_flatten(initial, carry_name)
    slices, slice_tree = tree_flatten(sequences, slice_name)
    starts, stacks = _nodes(carries), _nodes(slices)
    steps = _length(stacks, length)
    inputs = {path: input_node(path, node.type) for path, node in starts.items()}
    inputs |= {path: input_node(path, node.type.with_shape(node.shape[1:])) for path, node in stacks.items()}
    traced = _traced(step, inputs, carry_name, (carry_tree, len(starts)), slice_tree)
    values = loop(
        lift(*starts.values(), *stacks.values(), *traced.shared),
        traced.body,
        carries=len(starts),
        sequences=len(stacks),
        length=steps,
        reverse=reverse,
    )
    return traced.results(values, carry_tree, len(starts))


@operation
def packed_scan(
    step: Callable[[Any, Any], tuple[Any, Any]],
    initial: Any,
    sequences: Any,
    offsets: Any,
    *,
    reverse: bool = False,
) -> tuple[Any, Any]:
    """Apply ``step`` along packed texts of different lengths: a recurrence that computes nothing for padding.

    A batch is packed step by step: the first words of all texts, then the second words of those that have one, and so
    on, longest texts first, as in PyTorch's ``PackedSequence``. An Elman network over ``x`` of shape
    ``(tokens, inputs)``::

        def step(h, x_t):
            h = lg.tanh(x_t + h @ W_h)
            return h, h

        h_last, h_all = lg.packed_scan(step, h_0, x @ W_x + b, offsets)  # (batch, units) and (tokens, units)

    ``step`` is called once, on nodes that stand for the rows of any one step: ``h`` and ``x_t`` above have one for each
    text that reaches it. What it reads from outside, such as ``W_h``, all steps share. Texts know nothing of each
    other: a row must not depend on other rows. What does not wait for the carry, such as ``x @ W_x``, is best computed
    before the loop, for all words at once.

    Args:
        step: ``step(carry, slices)`` returns the new carry, of the tree, types and shapes that it had, and results: any
            tree of nodes with as many rows, or None.
        initial: the carry before the first step, a node or a tree of them, each with a row for every text, the longest
            text first.
        sequences: a node or a tree of them, each with a row for every word (tokens, …), packed step by step.
        offsets: where the rows of each step begin, and the last one ends: ints (steps + 1,). Step t has those of the
            first ``offsets[t + 1] - offsets[t]`` texts, never more than the step before.
        reverse: go from the last step to the first: each text from its own last word on.

    Returns:
        the carry (batch, …) after each text's last step (``initial`` where it has none), and the results (tokens, …),
        packed as the sequences are.

    Raises:
        InputError: ``step`` does not return a pair, or a carry of another tree or dtype than the one it got; (when run)
            the offsets are not those of packed texts.
        ShapeError: numbers of rows differ, or a carry changes its shape.
    """
    carry_name, slice_name = parameter_names(step, 2)
    carries, carry_tree = tree_flatten(initial, carry_name)
    slices, slice_tree = tree_flatten(sequences, slice_name)
    starts, stacks = _nodes(carries), _nodes(slices)
    tokens, _ = _length(stacks, None), _length(starts, None)
    taken = {name for node in (*starts.values(), *stacks.values()) for size in node.shape for name in _names(size)}
    rows = Dim(distinct(["rows"], taken)[0])
    given = {**starts, **stacks}
    inputs = {path: input_node(path, node.type.with_shape((rows, *node.shape[1:]))) for path, node in given.items()}
    traced = _traced(step, inputs, carry_name, (carry_tree, len(starts)), slice_tree, rows)
    values = packed_loop(
        lift(offsets, *given.values(), *traced.shared),
        traced.body,
        carries=len(starts),
        sequences=len(stacks),
        tokens=tokens,
        reverse=reverse,
    )
    return traced.results(values, carry_tree, len(starts))


def _names(size: Size) -> frozenset[str]:
    return size.names if isinstance(size, Dim) else frozenset()


class _Traced(NamedTuple):
    """A step as the body of a loop, what it reads from outside, and the tree of its results."""

    body: Graph
    shared: list[Node]
    tree: TreeShape

    def results(self, values: list[Node], carry_tree: TreeShape, carries: int) -> tuple[Any, Any]:
        """The loop's values as the trees that the step returned."""
        return tree_unflatten(carry_tree, values[:carries]), tree_unflatten(self.tree, values[carries:])


def _traced(
    step: Callable[[Any, Any], Any],
    inputs: dict[str, Node],
    carry_name: str,
    carry: tuple[TreeShape, int],
    slices: TreeShape,
    rows: Dim | None = None,
) -> _Traced:
    """Call a step on ``inputs``, the carries and then the slices, by path; ``rows`` is a size that only it has."""
    tree, count = carry
    inside, paths = list(inputs.values()), list(inputs)
    starts = dict(zip(paths[:count], inside, strict=False))
    returned = step(tree_unflatten(tree, inside[:count]), tree_unflatten(slices, inside[count:]))
    if not isinstance(returned, tuple) or len(returned) != 2:
        raise InputError(f"a step returns a pair, the new carry and the step's results; got {returned!r:.80}")
    new_carry, results = returned
    outputs = _carried(new_carry, carry_name, starts, tree)
    stacked, result_tree = tree_flatten(results, "out")
    outputs += [output_node(path, value) for path, value in stacked.items()]
    outputs, shared = _closed_over(outputs, inputs, rows)
    labels = distinct([*starts, *stacked])
    name = getattr(step, "__name__", "step")
    body = Graph(inputs, dict(zip(labels, outputs, strict=True)), name if name.isidentifier() else "step")
    return _Traced(body, shared, result_tree)


def _nodes(leaves: Mapping[str, Any]) -> dict[str, Node]:
    return dict(zip(leaves, lift(*leaves.values()), strict=True))


def _length(stacks: Mapping[str, Node], length: Size | None) -> Size:
    """The number of steps that the sequences have and the caller asks for."""
    known = {} if length is None else {"length": whole_size(length)}
    for path, node in stacks.items():
        if not node.ndim:
            raise ShapeError(f"scan goes along the first axis of its sequences; {path} is a scalar")
        known[path] = node.shape[0]
    if not known:
        raise InputError("scan without sequences needs to be told its length")
    if len(set(known.values())) > 1:
        lengths = ", ".join(f"{path} {size}" for path, size in known.items())
        raise ShapeError(f"scan needs one number of steps; got {lengths}")
    size = next(iter(known.values()))
    if not isinstance(size, Dim) and size < 0:
        raise ShapeError(f"scan needs a number of steps from 0 up; got {size}")
    return size


def _carried(returned: Any, name: str, starts: Mapping[str, Node], tree: TreeShape) -> list[Node]:
    """The new carries, which have to be like the old ones."""
    leaves, shape = tree_flatten(returned, name)
    if shape != tree:
        raise InputError(f"a step returns the carry as it got it, with {', '.join(starts)}; got {', '.join(leaves)}")
    nodes = [output_node(path, leaf) for path, leaf in leaves.items()]
    for (path, before), after in zip(starts.items(), nodes, strict=True):
        if before.type != after.type:
            hint = ": write 0.0 for 0, or cast" if (before.type.dtype, after.type.dtype) == ("int", "float") else ""
            raise ShapeError(f"carry {path} goes into the step as {before.type} and comes out as {after.type}{hint}")
    return nodes


def _closed_over(
    outputs: list[Node], inputs: dict[str, Node], rows: Dim | None = None
) -> tuple[list[Node], list[Node]]:
    """Make inputs of what ``outputs`` read from outside the step, and add them to ``inputs``.

    What is made of neither carries nor slices is computed outside. Constants stay inside, and so does the repeating of
    values, for it would make much of little; and whatever is as large as a step's ``rows``.

    Returns:
        the outputs on the new inputs, and what was read, in the order of the new inputs.
    """
    order = topological(outputs)
    inside = depending_on(order, inputs.values())
    read = {operand for node in order if node in inside for operand in node.inputs} | set(outputs)
    for node in reversed(order):
        stays = node.primitive.name == "broadcast" or (rows is not None and rows in node.shape)
        if node in read and node not in inside and stays:
            inside.add(node)
            read |= set(node.inputs)
    outside = [node for node in order if node in read and node not in inside and not _is_constant(node)]
    replaced: dict[Node, Node] = {node: node for node in inputs.values()}
    for node in outside:
        (label,) = distinct([node.name or "shared"], inputs)
        replaced[node] = inputs[label] = input_node(label, node.type)
    new = rebuild([node for node in order if node in inside or node in replaced], replaced)
    return [new.get(node, node) for node in outputs], outside


def _is_constant(node: Node) -> bool:
    """Whether it follows from constants alone, and is no variable with a value of its own."""
    return node.closed and node.__class__ is Node
