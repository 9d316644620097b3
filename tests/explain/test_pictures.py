"""Graphs as pictures: what is written where, that all of it can be read, and how large graphs are folded."""

from __future__ import annotations

import itertools
import re
import runpy
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import lexgrad as lg
from lexgrad.errors import InputError
from lexgrad.explain.picture.drawing import SIZES
from lexgrad.explain.picture.layout import Rectangle
from lexgrad.explain.picture.lettering import text_width
from lexgrad.explain.picture.numbers import array_lines, number_text
from lexgrad.explain.picture.svg import DARK, LIGHT
from tests.pages import PAGES

SVG = "{http://www.w3.org/2000/svg}"


def first_example() -> tuple[lg.Variable, lg.Variable]:
    """L = c (a + 2b), the lectures' first graph; returns L and b."""
    a, b, c = lg.variables(a=3.0, b=1.0, c=-2.0)
    e = (a + (2 * b).named("d")).named("e")
    return (c * e).named("L"), b


def network(seed: int = 0) -> tuple[lg.Node, lg.Variable]:
    """Two layers, two features, three hidden units; returns the loss and W1."""
    generator = np.random.default_rng(seed)
    W1 = lg.variable(generator.normal(size=(2, 3)), "W1")
    b1 = lg.variable(np.zeros(3), "b1")
    W2 = lg.variable(generator.normal(size=3), "W2")
    z1 = (lg.variable([1.0, 2.0], "x") @ W1 + b1).named("z1")
    z2 = (lg.tanh(z1).named("h") @ W2).named("z2")
    return lg.binary_cross_entropy(z2, 1.0).named("L"), W1


def training_graph(layers: int) -> lg.Graph:
    """A network of many layers with its backward graph: several hundred nodes."""
    batch = lg.Dim("batch")

    def loss(x: lg.Node, y: lg.Node, *parameters: lg.Node) -> lg.Node:
        for number in range(0, len(parameters), 2):
            W, b = parameters[number].named(f"W{number // 2 + 1}"), parameters[number + 1].named(f"b{number // 2 + 1}")
            x = lg.tanh(x @ W + b)
        return lg.mean(lg.cross_entropy(x, y))

    types = [lg.Type("float", shape) for _ in range(layers) for shape in ((5, 5), (5,))]
    return lg.differentiate(lg.trace(loss, lg.Type("float", (batch, 5)), lg.Type("int", (batch,)), *types))


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def written(svg: str) -> list[tuple[str, Rectangle]]:
    """Every line of text with the rectangle that it takes up, by the estimate that is on the safe side."""
    found = []
    for element in ElementTree.fromstring(svg).iter(f"{SVG}text"):
        role, text = element.attrib["class"], element.text or ""
        size, x, y = SIZES[role], float(element.attrib["x"]), float(element.attrib["y"])  # type: ignore[index]
        width = text_width(text, size, bold=role == "symbol")
        found.append((text, Rectangle(x - width / 2, y - 0.8 * size, width, size)))
    return found


def boxes(svg: str, kind: str) -> list[Rectangle]:
    return [
        Rectangle(*(float(element.attrib[name]) for name in ("x", "y", "width", "height")))
        for element in ElementTree.fromstring(svg).iter(f"{SVG}rect")
        if element.attrib["class"] == kind
    ]


def pictures() -> list[tuple[str, str]]:
    L, b = first_example()
    loss, W1 = network()
    return [
        ("first", lg.draw(L, b).svg),
        ("network", lg.draw(loss, W1[0, 0]).svg),
        ("backward", lg.draw(loss, direction="backward").svg),
        ("graph", lg.draw(training_graph(3)).svg),
        ("folded", lg.draw(training_graph(8)).svg),
        ("names", lg.draw(training_graph(2), fold="names").svg),
    ]


@pytest.mark.parametrize(("name", "svg"), pictures(), ids=[name for name, _ in pictures()])
def test_no_text_overlaps_another_or_leaves_its_card(name: str, svg: str) -> None:
    lines = written(svg)
    assert len(lines) > 5
    for (one, here), (other, there) in itertools.combinations(lines, 2):
        assert not here.overlaps(there), f"{one!r} and {other!r}"
    plates = [*boxes(svg, "box"), *boxes(svg, "plate")]
    for one_box, other_box in itertools.combinations(plates, 2):
        assert not one_box.overlaps(other_box)
    for text, line in lines:
        around = [p for p in plates if p.overlaps(line)]
        assert len(around) == 1, text
        assert around[0].x <= line.x + 0.1, text
        assert line.x + line.width <= around[0].x + around[0].width + 0.1, text


def test_the_first_example_shows_values_gradients_and_local_derivatives() -> None:
    L, b = first_example()
    seen = texts(lg.draw(L, b).svg)
    for expected in ("a = 3", "b = 1", "c = −2", "d = 2", "e = 5", "L = −10"):
        assert expected in seen
    for expected in ("∂L/∂e = −2", "∂L/∂d = −2", "∂L/∂c = 5", "∂L/∂a = −2", "∂L/∂b = −4"):
        assert expected in seen
    assert {"∂d/∂b = 2", "∂e/∂d = 1", "∂e/∂a = 1", "∂L/∂e = c = −2", "∂L/∂c = e = 5"} <= set(seen)


def test_forward_shows_no_derivatives_and_backward_no_values() -> None:
    L, _ = first_example()
    forward, backward = texts(lg.draw(L, direction="forward").svg), texts(lg.draw(L, direction="backward").svg)
    assert "L = −10" in forward
    assert not any("∂" in text for text in forward)
    assert "L = −10" not in backward
    assert "∂L/∂b = −4" in backward
    assert "∂d/∂b = 2" in backward


def arrows(svg: str, kind: str = "marked") -> set[tuple[str, str]]:
    """The arrows of a class, as pairs of titles' first names."""
    found = set()
    for group in ElementTree.fromstring(svg).iter(f"{SVG}g"):
        classes = group.attrib["class"].split()
        if classes[0] == "arrow" and kind in classes:
            title = group.find(f"{SVG}title")
            assert title is not None
            assert title.text
            source, target = title.text.split(":")[0].split(" → ")
            found.add((source, target))
    return found


def test_the_way_down_to_what_was_asked_for_is_highlighted() -> None:
    L, b = first_example()
    assert arrows(lg.draw(L, b).svg) == {("b", "d"), ("d", "e"), ("e", "L")}
    assert arrows(lg.draw(L).svg) == set()


def test_one_of_several_paths_can_be_highlighted() -> None:
    (x,) = lg.variables(x=2.0)
    u, v = (3 * x).named("u"), (x * x).named("v")
    derivation = lg.explain((u + v).named("L"), x)
    both = arrows(lg.draw(derivation).svg)
    assert both == {("x", "u"), ("x", "v"), ("u", "L"), ("v", "L")}
    assert arrows(lg.draw(derivation, path=0).svg) in ({("x", "u"), ("u", "L")}, {("x", "v"), ("v", "L")})
    with pytest.raises(InputError, match="paths, counted from 0; got path=5"):
        lg.draw(derivation, path=5)


def test_it_says_in_words_what_it_shows() -> None:
    L, b = first_example()
    root = ElementTree.fromstring(lg.draw(L, b).svg)
    assert root.attrib["role"] == "img"
    assert root.findtext(f"{SVG}title") == "Computation graph of L: forward and backward pass"
    described = root.findtext(f"{SVG}desc") or ""
    assert "b = 1" in described
    assert "L = −10" in described
    assert "∂L/∂b = −4" in described
    groups = list(root.iter(f"{SVG}g"))
    assert groups
    assert all((g.findtext(f"{SVG}title") or "").strip() for g in groups)


def test_hostile_names_stay_text() -> None:
    name = "<script>alert('1')</script>&\x00\""
    picture = lg.draw((2 * lg.variable(1.0, name)).named("]]>"))
    assert not list(ElementTree.fromstring(picture.svg).iter(f"{SVG}script"))
    assert picture.html.count("<script") == 1
    assert "alert('1')" not in picture.html


def test_arrays_are_written_out_while_they_are_small() -> None:
    assert array_lines(np.array([[1.0, -2.5], [0.0, 1e-9]])) == ["[1 −2.5]", "[0 1e−9]"]
    assert array_lines(np.ones((3, 100))) == ["3 × 100 numbers, norm 17.32"]
    assert array_lines(np.zeros(0)) == ["0 numbers"]
    assert array_lines(np.ones((2, 2, 2))) == ["2 × 2 × 2 numbers, norm 2.828"]
    assert array_lines(np.arange(50)) == ["50 numbers"]
    assert [number_text(value) for value in (-0.0, 1e20, float("nan"), float("-inf"), True, 7)] == [
        "0",
        "1e20",
        "not a number",
        "−∞",
        "true",
        "7",
    ]


def test_a_large_graph_is_folded_by_layers_and_a_small_one_is_not() -> None:
    assert "layer" not in " ".join(texts(lg.draw(training_graph(2)).svg))
    graph = training_graph(40)
    assert len(graph) > 600
    seen = texts(lg.draw(graph).svg)
    assert "layer 7" in seen
    assert "layer 7, backward" in seen
    assert "W7, b7" in seen
    assert any(text.startswith("d_") for text in seen)  # outputs stay to be seen


@pytest.mark.parametrize("fold", ["none", "names", "layers"])
def test_folding_loses_no_edge_and_makes_no_cycle(fold: str) -> None:
    svg = lg.draw(training_graph(4), fold=fold).svg  # the layout refuses cycles
    cards = re.findall(r'data-card="(\d+)"', svg)
    ends = {end for pair in re.findall(r'data-arrow="(\d+) (\d+)"', svg) for end in pair}
    assert ends == set(cards)


def test_every_ink_can_be_read_on_every_ground() -> None:
    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(one: str, other: str) -> float:
        light, dark = sorted((luminance(one), luminance(other)), reverse=True)
        return (light + 0.05) / (dark + 0.05)

    for inks in (LIGHT, DARK):
        for ground in ("paper", "input", "constant", "operation", "backward", "group"):
            for ink in ("ink", "quiet", "blame"):
                assert contrast(inks[ink], inks[ground]) >= 4.5, (ink, ground)
        for line in ("line", "mark"):
            assert contrast(inks[line], inks["paper"]) >= 3.0


def test_pictures_are_saved_by_their_suffix(tmp_path: Path) -> None:
    L, b = first_example()
    picture = lg.draw(L, b)
    assert picture.save(tmp_path / "a.svg").read_text(encoding="utf-8") == picture.svg == picture._repr_svg_()
    assert picture.save(tmp_path / "a.HTML").read_text(encoding="utf-8") == picture.html
    with pytest.raises(InputError, match=r"saved as \.svg or \.html; got 'a\.png'"):
        picture.save(tmp_path / "a.png")


def test_variables_and_graphs_show_themselves() -> None:
    L, _ = first_example()
    assert L.show()._repr_svg_() == lg.draw(L).svg
    graph = lg.trace(lg.tanh, 1.0)
    assert graph.show()._repr_svg_() == lg.draw(graph).svg
    assert "tanh" in texts(graph.show().svg)


def test_mistakes_are_answered() -> None:
    L, b = first_example()
    graph = lg.trace(lg.tanh, 1.0)
    with pytest.raises(InputError, match=r"direction is one of .*'foward' \(did you mean 'forward'\?\)"):
        lg.draw(L, direction="foward")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="fold is one of auto, none, names, layers; got 'layer'"):
        lg.draw(L, fold="layer")
    with pytest.raises(InputError, match="a graph is drawn without values"):
        lg.draw(graph, "x")
    with pytest.raises(InputError, match="the derivation says already"):
        lg.draw(lg.explain(L, b), b)
    with pytest.raises(InputError, match="the graph has no values"):
        lg.draw(graph).html  # noqa: B018


@pytest.mark.parametrize("name", ["first-example.svg", "network.svg", "recurrent.svg", "layers.svg"])
def test_the_pictures_of_the_pages_are_those_that_are_made_today(name: str) -> None:
    """``python docs/pictures/make.py`` makes them."""
    script = runpy.run_path(str(PAGES / "docs" / "pictures" / "make.py"))
    assert script["PICTURES"][name]().svg == (PAGES / "docs" / "pictures" / name).read_text(encoding="utf-8")
