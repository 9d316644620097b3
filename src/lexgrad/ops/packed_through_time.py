"""Backpropagation through time over packed texts: the derivative of a packed scan is one that runs the other way.

Texts know nothing of each other, so what a step does for its rows is what could be done for the rows of all steps at
once. The second loop only carries the cotangents of the carries back; those of sequences and of shared values are
computed behind it, from what it leaves for every row: Σ_t h_tᵀ δ_t is one product Hᵀ Δ of as many rows as there are
words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lexgrad.graph import Dim, Graph, Node, Partly, Size, apply, depending_on, filled, topological
from lexgrad.ops.movement import broadcast_to
from lexgrad.ops.through_time import CHEAP, Pull, kept_values, labelled, on_stored, step_back, stored_as, with_results


def packed_through_time(
    cotangents: Mapping[int, Node],
    offsets: Node,
    *inputs: Node,
    wanted: frozenset[int],
    pull: Pull,
    body: Graph,
    carries: int,
    sequences: int,
    tokens: Size,
    reverse: bool,
) -> dict[int, Node]:
    """The cotangents of a packed scan's inputs: see ``vjp_all`` of Primitive."""
    from lexgrad.ops.packed_scan import packed_loop, rows_of  # its rule is this

    nodes, labels, rows = list(body.inputs.values()), list(body.inputs), rows_of(body)
    step = step_back(body, carries, cotangents, frozenset(i - 1 for i in wanted), pull)
    own = [*step.d_carries.values(), *step.d_results.values()]
    outputs = {f"d_{labels[j]}": step.pulled.get(j, broadcast_to(0.0, d.shape)) for j, d in step.d_carries.items()}
    sent = {f"{i}": step.pulled[i] for i in step.pulled if i >= carries}
    kept = kept_values([*outputs.values(), *sent.values()], own, body, carries, sequences)
    stored = stored_as(kept, nodes)
    both = on_stored({**outputs, **sent}, dict(zip(kept, stored, strict=True)))
    outputs, sent = ({label: both[label] for label in part} for part in (outputs, sent))
    left = _left(sent.values(), outputs.values(), own, rows) if step.d_carries else []
    outputs |= {f"left_{k}": node for k, node in enumerate(left)}
    used = set(topological(outputs.values()))
    read = [i for i in range(carries, carries + sequences) if nodes[i] in used]
    shared = [i for i in range(carries + sequences, len(nodes)) if nodes[i] in used]

    settings: dict[str, Any] = {"carries": carries, "sequences": sequences}
    settings |= {"tokens": tokens, "reverse": reverse}
    forwards, places = with_results(body, kept, carries)
    stacks = packed_loop([offsets, *inputs], forwards, **settings, outputs=places)
    starts = [cotangents.get(j, broadcast_to(0.0, inputs[j].shape)) for j in step.d_carries]
    along = [*(cotangents[i] for i in step.d_results), *(inputs[i] for i in read), *stacks]
    settings |= {"carries": len(starts), "sequences": len(along), "reverse": not reverse}
    given = labelled([*own, *(nodes[i] for i in read), *stored, *(nodes[i] for i in shared)])
    backwards = Graph(given, outputs, f"{body.name}_backward")
    # Where no cotangent comes by way of a carry, there is nothing to carry back.
    reversed_inputs = [offsets, *starts, *along, *(inputs[i] for i in shared)]
    results = packed_loop(reversed_inputs, backwards, **settings) if starts else []

    outer = dict(zip(nodes[carries:], inputs[carries:], strict=True))
    outer |= dict(zip(stored, stacks, strict=True))
    outer |= {node: cotangents[i] for i, node in step.d_results.items()}
    outer |= dict(zip(left, results[len(starts) :], strict=True))
    made = for_all_rows(sent, outer, rows, tokens)
    back = dict(zip(step.d_carries, results, strict=False)) | {int(i): node for i, node in made.items()}
    return {i + 1: node for i, node in back.items() if i + 1 in wanted}


def _left(sent: Iterable[Node], carried: Iterable[Node], own: Iterable[Node], rows: Size) -> list[Node]:
    """What the second loop leaves for each row, of which the cotangents ``sent`` can be computed for all rows at once.

    It is what the loop computes in any case, or can cheaply: so that products, and sums over rows, are behind it.
    """
    sent = list(sent)
    order = topological(sent)
    own = set(own)
    behind = depending_on(order, own)
    inside = set(topological(carried)) | own
    for node in order:
        cheap = node.primitive.name in CHEAP and node.shape[:1] == (rows,)
        if cheap and node in behind and all(x in inside or x not in behind for x in node.inputs):
            inside.add(node)
    left: dict[Node, None] = {}
    stack, seen = list(sent), set(sent)
    while stack:
        node = stack.pop()
        if node in behind and node in inside and node.shape[:1] == (rows,):
            left[node] = None
        elif node in behind:
            new = [operand for operand in node.inputs if operand not in seen]
            seen.update(new)
            stack += new
    return list(left)


def for_all_rows(outputs: Mapping[str, Node], known: Mapping[Node, Node], rows: Dim, tokens: Size) -> dict[str, Node]:
    """What is computed for the rows of one step, for those of all steps.

    Args:
        outputs: nodes of the body of a step.
        known: what stands, for all rows, for the nodes that they are made of.
        rows: how many rows a step has.
        tokens: how many all have together.
    """
    sizes = Partly(dict.fromkeys(rows.names, tokens))
    new = dict(known)
    needed, stack = set(outputs.values()), list(outputs.values())
    while stack:
        node = stack.pop()
        more = [operand for operand in node.inputs if operand not in needed] if node not in known else []
        needed.update(more)
        stack += more
    for node in topological(outputs.values()):
        if node in needed and node not in new:
            attributes = {name: filled(value, sizes) for name, value in node.attributes.items()}
            new[node] = apply(node.primitive, *(new[operand] for operand in node.inputs), **attributes)
    return {label: new[node] for label, node in outputs.items()}
