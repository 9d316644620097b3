"""A drawing as SVG: one file, no script, readable in light and dark, with a title and a description."""

from __future__ import annotations

from collections.abc import Sequence

from lexgrad.explain.picture.drawing import LABEL_PADDING, PADDING_Y, SIZES, Arrow, Card, Drawing, Line
from lexgrad.explain.picture.layout import Point, Rectangle
from lexgrad.explain.picture.lettering import FONT, markup

HEAD = 7.0  # length of an arrowhead

# Inks on paper: at least 4.5 : 1 for every text (WCAG 2.2, 1.4.3), 3 : 1 for every line (1.4.11).
LIGHT = {
    "paper": "#ffffff",
    "ink": "#1b1f24",
    "quiet": "#57606a",
    "line": "#767e87",
    "input": "#ddf0ff",
    "constant": "#f1f3f5",
    "operation": "#fff7dd",
    "backward": "#fdebe4",
    "group": "#e9e6fb",
    "blame": "#b42318",
    "mark": "#b42318",
}
DARK = {
    "paper": "#14171b",
    "ink": "#f0f2f5",
    "quiet": "#a9b1ba",
    "line": "#868f99",
    "input": "#12324a",
    "constant": "#262b31",
    "operation": "#3a3115",
    "backward": "#46241a",
    "group": "#2c2750",
    "blame": "#ff9d8f",
    "mark": "#ff9d8f",
}


def svg(drawing: Drawing) -> str:
    """The drawing as an SVG element with its own size, colours and letters."""
    placed = drawing.placed()
    width, height = round(placed.width), round(placed.height)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="lexgrad-graph" role="img" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}" aria-label="{markup(drawing.title)}">',
        f"<title>{markup(drawing.title)}</title>",
        f"<desc>{markup(drawing.description)}</desc>",
        f"<style>{style()}</style>",
        f'<rect class="paper" width="{width}" height="{height}"/>',
    ]
    backwards = drawing.direction == "backward"
    numbers = {card.key: number for number, card in enumerate(drawing.cards)}
    everything = list(zip(drawing.arrows, placed.routes, placed.labels, strict=True))
    for arrow, route, label in sorted(everything, key=lambda item: item[0].marked):
        name = f"{numbers[arrow.source]} {numbers[arrow.target]}"
        parts.append(_arrow(arrow, route, label, backwards, name))
    parts += [_card(card, placed.boxes[card.key], numbers[card.key]) for card in drawing.cards]
    return "\n".join([*parts, "</svg>"]) + "\n"


def style() -> str:
    """The style sheet of the picture; dark where the reader's system is."""
    sizes = "".join(f".lexgrad-graph .{role}{{font-size:{size}px}}" for role, size in SIZES.items())
    fixed = (
        f".lexgrad-graph text{{font-family:{FONT};text-anchor:middle;font-variant-numeric:tabular-nums}}"
        ".lexgrad-graph .symbol{font-weight:600}"
        ".lexgrad-graph .edge{fill:none;stroke-width:1.4}"
        ".lexgrad-graph .idle .edge{stroke-dasharray:2 4}.lexgrad-graph .idle .head{display:none}"
        ".lexgrad-graph .card rect{stroke-width:1}"
        ".lexgrad-graph .final rect{stroke-width:2.5}"
        ".lexgrad-graph .marked .edge{stroke-width:3}.lexgrad-graph .marked rect.box{stroke-width:3}"
    )
    return f"{fixed}{sizes}{_colours(LIGHT)}@media(prefers-color-scheme:dark){{{_colours(DARK)}}}"


def _colours(ink: dict[str, str]) -> str:
    rules = {
        ".paper": f"fill:{ink['paper']}",
        "text": f"fill:{ink['ink']}",
        ".note": f"fill:{ink['quiet']}",
        ".label": f"fill:{ink['ink']}",
        ".gradient": f"fill:{ink['blame']}",
        ".edge": f"stroke:{ink['line']}",
        ".head": f"fill:{ink['line']}",
        ".plate": f"fill:{ink['paper']}",
        ".box": f"stroke:{ink['line']}",
        **{f".{kind} .box": f"fill:{ink[kind]}" for kind in ("input", "constant", "operation", "backward", "group")},
        ".marked .edge": f"stroke:{ink['mark']}",
        ".marked .head": f"fill:{ink['mark']}",
        ".marked .box": f"stroke:{ink['mark']}",
    }
    return "".join(f".lexgrad-graph {where}{{{what}}}" for where, what in rules.items())


def _card(card: Card, box: Rectangle, number: int) -> str:
    classes = ["card", card.kind, *(["marked"] if card.marked else []), *(["final"] if card.final else [])]
    corner = box.height / 2 if card.kind in ("input", "constant") and len(card.lines) == 1 else 8
    return (
        f'<g class="{" ".join(classes)}" data-card="{number}"><title>{markup(card.title)}</title>'
        f'<rect class="box" x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}"'
        f' rx="{corner:.1f}"/>{_text(card.lines, box, PADDING_Y)}</g>'
    )


def _text(lines: Sequence[Line], box: Rectangle, down: float) -> str:
    written, y = [], box.y + down
    for line in lines:
        base = y + line.height / 2 + SIZES[line.role] * 0.36  # the middle of a line lies about so far above its base
        written.append(
            f'<text class="{line.role}" x="{box.x + box.width / 2:.1f}" y="{base:.1f}">{markup(line.text)}</text>'
        )
        y += line.height
    return "".join(written)


def _arrow(
    arrow: Arrow, route: Sequence[tuple[Point, Point]], label: Rectangle | None, backwards: bool, name: str
) -> str:
    source, target = route[0][0], route[-1][1]
    (x, y), sign = (source, 1.0) if backwards else (target, -1.0)
    classes = f"arrow{' marked' if arrow.marked else ''}{' idle' if backwards and not arrow.blamed else ''}"
    head = f"M{x:.1f},{y:.1f}l{sign * HEAD:.1f},{-HEAD / 2:.1f}v{HEAD:.1f}z"
    parts = [
        f'<g class="{classes}" data-arrow="{name}"><title>{markup(arrow.title)}</title>',
        f'<path class="edge" d="{_line(route, backwards)}"/><path class="head" d="{head}"/>',
    ]
    if label is not None:
        parts.append(
            f'<rect class="plate" x="{label.x:.1f}" y="{label.y:.1f}" width="{label.width:.1f}"'
            f' height="{label.height:.1f}" rx="4"/>{_text(arrow.lines, label, LABEL_PADDING / 2)}'
        )
    return "".join([*parts, "</g>"])


def _line(route: Sequence[tuple[Point, Point]], backwards: bool) -> str:
    """Level pieces joined by S-shaped curves; it stops short of the arrowhead."""
    pieces = [[list(start), list(stop)] for start, stop in route]
    if backwards:
        pieces[0][0][0] += HEAD - 1
    else:
        pieces[-1][1][0] -= HEAD - 1
    (x, y), (end_x, end_y) = pieces[0]
    path = [f"M{x:.1f},{y:.1f}"]
    for number, (start, stop) in enumerate(pieces):
        if number:
            middle = (end_x + start[0]) / 2
            if abs(start[1] - end_y) > 0.05:
                path.append(f"C{middle:.1f},{end_y:.1f} {middle:.1f},{start[1]:.1f} {start[0]:.1f},{start[1]:.1f}")
        end_x, end_y = stop
        path.append(f"H{end_x:.1f}")
    return "".join(path)
