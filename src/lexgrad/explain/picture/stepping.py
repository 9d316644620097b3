"""The stepped form: forward value by value, then backward with the chain rule, as one page that needs no network."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

from lexgrad.errors import InputError
from lexgrad.explain.picture.cards import draw, title
from lexgrad.explain.picture.lettering import markup
from lexgrad.explain.picture.numbers import array_text
from lexgrad.explain.picture.scene import Link, Scene, Vertex
from lexgrad.explain.picture.svg import svg

PAGE = "steps.html"


@dataclass(frozen=True)
class Step:
    """One step: what is said, and which vertices and links it is about."""

    phase: Literal["forward", "backward"]
    text: str
    vertices: Sequence[Vertex]
    links: Sequence[Link] = ()


def steps_of(scene: Scene) -> list[Step]:
    """Every step in order: the inputs, each value, and then each derivative from the target back.

    Raises:
        InputError: the graph has no values.
    """
    if not scene.evaluated:
        raise InputError("there is nothing to go through step by step: the graph has no values; give it some")
    return [*_forward(scene), *_backward(scene)]


def _forward(scene: Scene) -> list[Step]:
    given = [vertex for vertex in scene.vertices if vertex.kind == "input"]
    fixed = [vertex for vertex in scene.vertices if vertex.kind == "constant"]
    told = ", ".join(f"{v.name or v.symbol} = {_value(v)}" for v in given)
    steps = [Step("forward", f"Given: {told or 'nothing but constants'}.", [*given, *fixed])]
    into = _grouped(scene.links, "target")
    for vertex in scene.vertices:
        if vertex.kind not in ("input", "constant"):
            parts = [vertex.name if vertex.name != vertex.formula else "", vertex.formula, _value(vertex)]
            text = " = ".join(part for part in parts if part)
            steps.append(Step("forward", text, [vertex], into.get(vertex, [])))
    return steps


def _backward(scene: Scene) -> list[Step]:
    if scene.target.gradient is None:
        return []
    target = scene.target.name or "L"
    steps = [Step("backward", f"The blame begins at {target}: ∂{target}/∂{target} = 1.", [scene.target])]
    users = _grouped([link for link in scene.links if link.blamed], "source")
    for vertex in reversed(scene.vertices):
        if vertex.gradient is not None and vertex is not scene.target:
            steps.append(
                Step("backward", _chain_rule(scene, vertex, users.get(vertex, [])), [vertex], users.get(vertex, []))
            )
    return steps


def _chain_rule(scene: Scene, vertex: Vertex, links: Sequence[Link]) -> str:
    """``∂L/∂b = ∂L/∂d · ∂d/∂b = −2 · 2 = −4``; a sum of such products where several values are made of this one."""
    assert vertex.gradient is not None
    top = scene.target
    symbols = [_contribution(scene, link) for link in links]
    numbers = [_product(link, top) for link in links]
    parts = [scene.derivative(vertex), " + ".join(symbols)]
    if all(numbers):
        parts.append(" + ".join(numbers))
    rules = [f"{link.derivative} = {link.formula}" for link in links if _named(link) and link.target is not top]
    text = " = ".join(dict.fromkeys(part for part in [*parts, array_text(vertex.gradient)] if part))
    return "\n".join([text, *([f"where {', '.join(rules)}"] if rules else [])])


def _named(link: Link) -> bool:
    """Whether the formula of a link is that of its local derivative, and says more than its number."""
    return link.value is not None and link.formula not in ("", link.number)


def _contribution(scene: Scene, link: Link) -> str:
    """What comes down one edge, in symbols."""
    if link.value is None:
        return link.formula or f"{scene.derivative(link.target)} · {link.derivative}"
    if link.target is scene.target:
        return link.formula
    return f"{scene.derivative(link.target)} · {link.derivative}"


def _product(link: Link, top: Vertex) -> str:
    """What comes down one edge, in numbers, where both factors are numbers."""
    above = link.target.gradient
    if link.value is None or link.value.ndim or above is None or above.ndim:
        return ""
    if link.target is top:
        return link.number
    return f"{array_text(above)} · {f'({link.number})' if link.number.startswith('−') else link.number}"


def _value(vertex: Vertex) -> str:
    return "" if vertex.value is None else array_text(vertex.value)


def _grouped(links: Sequence[Link], end: Literal["source", "target"]) -> dict[Vertex, list[Link]]:
    groups: dict[Vertex, list[Link]] = {}
    for link in links:
        groups.setdefault(getattr(link, end), []).append(link)
    return groups


def page(scene: Scene, groups: Mapping[Vertex, str]) -> str:
    """The stepped form as one HTML page: keys, buttons and a screen reader's voice go through it.

    Raises:
        InputError: the graph has no values.
    """
    steps = steps_of(scene)
    drawing = draw(scene, "both", groups)
    numbers = {card.key: number for number, card in enumerate(drawing.cards)}
    keys: dict[Vertex, Hashable] = {vertex: groups.get(vertex, vertex) for vertex in scene.vertices}
    items = [_item(step, {vertex: numbers[key] for vertex, key in keys.items()}) for step in steps]
    template = files(__package__).joinpath(PAGE).read_text(encoding="utf-8")
    parts = {"title": markup(title(scene, "both")), "picture": svg(drawing), "steps": "\n".join(items)}
    return re.sub(r"\[\[(title|picture|steps)\]\]", lambda hole: parts[hole[1]], template)


def _item(step: Step, numbers: Mapping[Vertex, int]) -> str:
    cards = ",".join(dict.fromkeys(str(numbers[vertex]) for vertex in step.vertices))
    arrows = ",".join(dict.fromkeys(f"{numbers[link.source]} {numbers[link.target]}" for link in step.links))
    return f'<li data-phase="{step.phase}" data-cards="{cards}" data-arrows="{arrows}">{markup(step.text)}</li>'
