"""The cards and arrows of a scene: what is written where."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

from lexgrad.explain.picture.drawing import Arrow, Card, Direction, Drawing, Line, Role
from lexgrad.explain.picture.folding import contents
from lexgrad.explain.picture.lettering import shortened
from lexgrad.explain.picture.numbers import array_lines, array_text, is_small, norm_text
from lexgrad.explain.picture.scene import Array, Link, Scene, Vertex

LONGEST_NAME = 16
LONGEST_LABEL = 28
WIDE_LABEL = 16
LONGEST_FOLDED = 34
INPUTS_NAMED = 12  # in the description


def draw(scene: Scene, direction: Direction, groups: Mapping[Vertex, str]) -> Drawing:
    """The cards and arrows of a scene.

    Args:
        scene: what there is.
        direction: values only ("forward"), gradients only ("backward"), or both.
        groups: vertices to fold into one card, by the name of their group; the others get a card of their own.
    """
    members: dict[str, list[Vertex]] = {}
    for vertex, group in groups.items():
        members.setdefault(group, []).append(vertex)
    marked = {end for link in scene.links if link.marked for end in (link.source, link.target)}
    keys: dict[Vertex, Hashable] = {vertex: groups.get(vertex, vertex) for vertex in scene.vertices}
    cards: dict[Hashable, Card] = {}
    for vertex, key in keys.items():
        if key is vertex:
            cards[key] = _card(scene, vertex, direction, vertex in marked)
        elif key not in cards:
            cards[key] = _folded(scene, str(key), members[str(key)], marked)
    arrows = _arrows(scene.links, direction, keys)
    return Drawing(title(scene, direction), _description(scene, direction), list(cards.values()), arrows, direction)


def _card(scene: Scene, vertex: Vertex, direction: Direction, marked: bool) -> Card:
    lines, said = [Line(vertex.symbol, "symbol")], [vertex.formula]
    if vertex.kind == "operation" and vertex.name not in ("", vertex.formula):
        said = [f"{vertex.name} = {vertex.formula}"]
    name = "" if vertex.name == vertex.formula == vertex.symbol else shortened(vertex.name, LONGEST_NAME)
    if vertex.value is None:
        lines += [Line(name, "value")] if name and vertex.kind not in ("input", "constant") else []
        lines += [Line(vertex.type, "note")] if vertex.kind != "constant" else []
        said.append(vertex.type)
    elif vertex.kind != "constant":
        if vertex.kind == "input":
            lines = _input_lines(vertex)
        elif direction != "backward":
            lines += _valued(name, vertex.value, "value")
        else:
            lines += [Line(name, "value")] if name else []
        said.append(f"value {array_text(vertex.value)}")
    if vertex.gradient is not None:
        derivative = scene.derivative(vertex)
        if direction != "forward":
            lines += _valued(shortened(derivative, LONGEST_LABEL), vertex.gradient, "gradient")
        said.append(f"{derivative} = {array_text(vertex.gradient)}")
    return Card(vertex, vertex.kind, lines, "; ".join(said), marked, vertex in scene.ends())


def _input_lines(vertex: Vertex) -> list[Line]:
    assert vertex.value is not None
    rows = array_lines(vertex.value)
    if vertex.value.ndim == 0:
        return [Line(f"{shortened(vertex.symbol, LONGEST_NAME)} = {rows[0]}", "symbol")]
    return [Line(shortened(vertex.symbol, LONGEST_NAME), "symbol"), *(Line(row, "value") for row in rows)]


def _valued(name: str, value: Array, role: Role) -> list[Line]:
    if role == "gradient" and not is_small(value):  # its sizes are those of the value
        return [Line(f"‖{name}‖ = {norm_text(value)}", role)]
    rows = array_lines(value)
    if len(rows) == 1:
        return [Line(f"{name} = {rows[0]}" if name else f"= {rows[0]}", role)]
    return [*([Line(f"{name} =", role)] if name else []), *(Line(row, role) for row in rows)]


def _folded(scene: Scene, group: str, inside: Sequence[Vertex], marked: set[Vertex]) -> Card:
    count = sum(vertex.kind not in ("input", "constant") for vertex in inside)
    operations = f"{count} operation{'s' if count != 1 else ''}"
    lines = [Line(shortened(group, LONGEST_LABEL), "symbol")]
    if contents(inside) != group:
        lines.append(Line(shortened(contents(inside), LONGEST_FOLDED), "value"))
    lines.append(Line(operations, "note"))
    final = not scene.ends().isdisjoint(inside)
    return Card(
        group, "group", lines, f"{group}: {contents(inside)}; {operations}", not marked.isdisjoint(inside), final
    )


def _arrows(links: Sequence[Link], direction: Direction, keys: Mapping[Vertex, Hashable]) -> list[Arrow]:
    arrows: list[Arrow] = []
    drawn: set[tuple[Hashable, Hashable]] = set()
    for link in links:
        source, target = keys[link.source], keys[link.target]
        folded = source is not link.source or target is not link.target
        if source == target or (folded and (source, target) in drawn):
            continue
        drawn.add((source, target))
        said = f"{link.source.name or link.source.symbol} → {link.target.name or link.target.symbol}"
        lines = []
        if link.blamed:
            said += f": {link}"
            if direction != "forward" and not folded:
                lines = _label(link.parts)
        arrows.append(Arrow(source, target, lines, said, link.marked, link.blamed))
    return arrows


def _label(parts: Sequence[str]) -> list[Line]:
    """The parts of an equation in one line, or below each other where that would be long."""
    rows = [" = ".join(parts)]
    if len(rows[0]) > WIDE_LABEL:
        rows = [parts[0], *(f"= {part}" for part in parts[1:])]
    return [Line(shortened(row, LONGEST_LABEL), "label") for row in rows]


def title(scene: Scene, direction: Direction) -> str:
    """The heading of a picture."""
    name = scene.target.name or "a value"
    passes = {"forward": "forward pass", "backward": "backward pass", "both": "forward and backward pass"}
    return f"Computation graph of {name}" + (f": {passes[direction]}" if scene.evaluated else "")


def _description(scene: Scene, direction: Direction) -> str:
    inputs = [vertex for vertex in scene.vertices if vertex.kind == "input"][:INPUTS_NAMED]
    said = [f"{len(scene.vertices)} nodes, from left to right."]
    named = [v.name if v.value is None else f"{v.name} = {array_text(v.value)}" for v in inputs]
    said += [f"Inputs: {', '.join(named)}."] if named else []
    if scene.target.value is not None:
        said.append(f"Result: {scene.target.name or 'value'} = {array_text(scene.target.value)}.")
    blamed = [f"{scene.derivative(v)} = {array_text(v.gradient)}" for v in inputs if v.gradient is not None]
    said += [f"Gradients: {', '.join(blamed)}."] if blamed and direction != "forward" else []
    return " ".join(said)
