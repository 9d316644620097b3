"""Loops for people: a Python function of one step becomes the body of a scan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lexgrad.errors import InputError, ShapeError
from lexgrad.graph import Dim, Graph, Node, Size, depending_on, distinct, input_node, rebuild, topological
from lexgrad.ops import lift
from lexgrad.ops.lifting import operation, whole_size
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
    inside = list(inputs.values())
    before = tree_unflatten(carry_tree, inside[: len(starts)])
    returned = step(before, tree_unflatten(slice_tree, inside[len(starts) :]))
    if not isinstance(returned, tuple) or len(returned) != 2:
        raise InputError(f"a step returns a pair, the new carry and the step's results; got {returned!r:.80}")
    new_carry, results = returned
    outputs = _carried(new_carry, carry_name, starts, carry_tree)
    stacked, result_tree = tree_flatten(results, "out")
    outputs += [output_node(path, value) for path, value in stacked.items()]
    outputs, shared = _closed_over(outputs, inputs)
    labels = distinct([*starts, *stacked])
    name = getattr(step, "__name__", "step")
    body = Graph(inputs, dict(zip(labels, outputs, strict=True)), name if name.isidentifier() else "step")
    values = loop(
        lift(*starts.values(), *stacks.values(), *shared),
        body,
        carries=len(starts),
        sequences=len(stacks),
        length=steps,
        reverse=reverse,
    )
    return tree_unflatten(carry_tree, values[: len(starts)]), tree_unflatten(result_tree, values[len(starts) :])


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


def _closed_over(outputs: list[Node], inputs: dict[str, Node]) -> tuple[list[Node], list[Node]]:
    """Make inputs of what ``outputs`` read from outside the step, and add them to ``inputs``.

    What is made of neither carries nor slices is computed outside. Constants stay inside, and so does the repeating of
    values, for it would make much of little.

    Returns:
        the outputs on the new inputs, and what was read, in the order of the new inputs.
    """
    order = topological(outputs)
    inside = depending_on(order, inputs.values())
    read = {operand for node in order if node in inside for operand in node.inputs} | set(outputs)
    for node in reversed(order):
        if node in read and node not in inside and node.primitive.name == "broadcast":
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
