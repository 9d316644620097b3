"""Which values of a large graph are folded into one card: those behind one name, or those of one layer."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lexgrad.errors import InputError, suggest
from lexgrad.explain.picture.lettering import shortened
from lexgrad.explain.picture.scene import Scene, Vertex

LEVELS = ("auto", "none", "names", "layers")
MOST = 150  # cards of a picture that can still be read


def groups_of(scene: Scene, level: str = "auto") -> dict[Vertex, str]:
    """The group of each vertex that is folded; those that are not folded are not among them.

    Args:
        scene: the graph.
        level: ``"none"`` folds nothing; ``"names"`` folds what nobody named into the named value that it leads to;
            ``"layers"`` folds all values of one layer into one; ``"auto"`` folds as little as a readable picture
            allows.

    Raises:
        InputError: another level.
    """
    if level not in LEVELS:
        raise InputError(f"fold is one of {', '.join(LEVELS)}; got {level!r}{suggest(level, LEVELS)}")
    if level == "none":
        return {}
    if level == "names":
        return _by_names(scene)
    if level == "layers":
        return _by_layers(scene)
    for groups in ({}, _by_names(scene)):
        if len(scene.vertices) - len(groups) + len(set(groups.values())) <= MOST:
            return groups
    return _by_layers(scene)


def _by_names(scene: Scene) -> dict[Vertex, str]:
    """Each vertex without a name goes where all its users go, if that is one place: no cycle can arise so."""
    users: dict[Vertex, list[Vertex]] = {vertex: [] for vertex in scene.vertices}
    for link in scene.links:
        users[link.source].append(link.target)
    heads: dict[Vertex, Vertex] = {}
    sizes: dict[Vertex, int] = {}
    ends = scene.ends()
    for vertex in reversed(scene.vertices):
        above = {heads[user] for user in users[vertex]}
        unnamed = vertex.name in ("", vertex.formula) and vertex.kind != "input"
        heads[vertex] = above.pop() if unnamed and vertex not in ends and len(above) == 1 else vertex
        sizes[heads[vertex]] = sizes.get(heads[vertex], 0) + 1
    labels = _labels([head for head, size in sizes.items() if size > 1])
    return {vertex: labels[heads[vertex]] for vertex in scene.vertices if sizes[heads[vertex]] > 1}


def _labels(heads: Sequence[Vertex]) -> dict[Vertex, str]:
    """A name for each group, no two alike."""
    taken: dict[str, int] = {}
    labels = {}
    for head in reversed(heads):
        label = head.name or shortened(head.formula, 24)
        taken[label] = taken.get(label, 0) + 1
        labels[head] = label if taken[label] == 1 else f"{label} ({taken[label]})"
    return labels


PHASES = ("", ", backward", ", update")


def _by_layers(scene: Scene) -> dict[Vertex, str]:
    """The layer of a value is the number in its name; what has none belongs to the layer that it is computed after.

    No cycle can arise: layers rise on the way forward, fall on the way back, and rise again where weights are updated.
    """
    operands: dict[Vertex, list[Vertex]] = {vertex: [] for vertex in scene.vertices}
    for link in scene.links:
        operands[link.target].append(link.source)
    places: dict[Vertex, tuple[int, int]] = {}
    for vertex in scene.vertices:
        below = [places[operand] for operand in operands[vertex] if operand.kind != "constant"]
        phase = max([phase for phase, _ in below] + [1 if vertex.kind == "backward" else 0])
        if phase == 1 and vertex.kind != "backward":
            phase = 2
        layers = [layer for other, layer in below if other == phase]
        if phase == 1:
            layer = min([*layers, *([places[vertex.origin][1]] if vertex.origin in places else [])], default=0)
        else:
            layer = max([*layers, _number(vertex) or 0])
        places[vertex] = phase, layer
    for vertex in reversed(scene.vertices):  # a constant belongs where it is used
        for operand in operands[vertex]:
            if operand.kind == "constant":
                places[operand] = places[vertex]
    seen = scene.ends() | {v for v in scene.vertices if v.kind == "input" and _number(v) is None}
    return {
        vertex: f"{f'layer {layer}' if layer else 'input'}{PHASES[phase]}"
        for vertex, (phase, layer) in places.items()
        if vertex not in seen
    }


def _number(vertex: Vertex) -> int | None:
    """1 of ``W1``, ``b[1]``, ``z^{[1]}_2``; None of a name without a layer."""
    found = (
        re.match(r"[^\W\d_]+[\W_]*(\d+)", vertex.name)
        if vertex.name != vertex.formula or vertex.kind == "input"
        else None
    )
    return int(found[1]) if found else None


def contents(inside: Sequence[Vertex]) -> str:
    """The named values of a group, ``W1, b1, z1``; else what is done in it."""
    named = dict.fromkeys(v.name for v in inside if v.name and (v.kind == "input" or v.name != v.formula))
    return ", ".join(named or dict.fromkeys(v.symbol for v in inside if v.kind != "constant"))
