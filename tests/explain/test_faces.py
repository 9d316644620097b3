"""Every face of a derivation, on the worked examples of the lectures."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from rich.console import Console

import lexgrad as lg
from lexgrad.explain.faces.latex import as_latex
from lexgrad.explain.faces.mathml import as_mathml, math_element
from lexgrad.explain.faces.names import Name, parsed
from lexgrad.explain.mathematics import entry, name
from tests.explain.nets import SLIDE, first_example, small_net, two_layers, wide_net
from tests.explain.tex import check_syntax, compile_document, tex


def first() -> lg.Derivation:
    L, _, b, _ = first_example()
    return lg.explain(L, wrt=b)


def slide() -> lg.Derivation:
    return lg.explain(two_layers(), wrt="W1", at=SLIDE)


def softmax() -> lg.Derivation:
    z = lg.variable([0.6, 1.1, -1.5, 1.2, 3.2, -1.1], "z")
    return lg.explain((-lg.log(lg.softmax(z).named("y_hat")[4])).named("L"), wrt=z[1])


def perceptron() -> lg.Derivation:
    L, parameters = small_net()
    return lg.explain(L, wrt=parameters["W1"][1, 2])


def perceptron_whole() -> lg.Derivation:
    L, parameters = small_net()
    return lg.explain(L, wrt=parameters["W1"], steps="all")


def wide() -> lg.Derivation:
    L, W1 = wide_net()
    return lg.explain(L, wrt=W1[0, 0], paths=2)


def pooling() -> lg.Derivation:
    v = lg.variable([1.0, 4.0, 2.0, 3.0], "v")
    return lg.explain((lg.max(v) + lg.mean(v)).named("p"), wrt=v[1])


def window() -> lg.Derivation:
    generator = np.random.default_rng(0)
    sizes = {"E": (7, 2), "W": (6, 3), "U": (3, 7)}
    E, W, U = (lg.variable(generator.normal(size=size), letter) for letter, size in sizes.items())
    e = lg.reshape(lg.take(E, np.array([1, 2, 3])), 6).named("e")
    h = lg.sigmoid((e @ W).named("z")).named("h")
    return lg.explain((-lg.log(lg.softmax(h @ U)[4])).named("L"), wrt=E[2, 0])


def convolution() -> lg.Derivation:
    generator = np.random.default_rng(1)
    x, kernel = lg.variable(generator.normal(size=(5, 5)), "x"), lg.variable(generator.normal(size=(2, 5)), "k")
    places = [lg.sum(x[i : i + 2] * kernel) for i in range(0, 4, 2)]
    return lg.explain(lg.max(lg.stack(places)).named("m"), wrt=kernel[0, 1])


EXAMPLES = [first, slide, softmax, perceptron, perceptron_whole, wide, pooling, window, convolution]
examples = pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.__name__)


@examples
def test_the_examples_are_right(example: Callable[[], lg.Derivation]) -> None:
    found = example()
    if not found.given:
        assert found.check().difference < 1e-8
    np.testing.assert_allclose(found.sum, found.gradient, rtol=1e-10)


@examples
def test_text(example: Callable[[], lg.Derivation]) -> None:
    text = str(example())
    assert "Forward: values" in text
    assert "Backward: blame" in text
    assert all(line == line.rstrip() for line in text.splitlines())


@examples
def test_rich_says_the_same_numbers(example: Callable[[], lg.Derivation]) -> None:
    found = example()
    console = Console(width=300, file=None, record=True, force_terminal=False)
    with console.capture() as captured:
        console.print(found)
    plain = "".join(captured.get().split())
    for line in str(found).splitlines():
        assert "".join(line.split()) in plain


@examples
def test_latex(example: Callable[[], lg.Derivation]) -> None:
    found = example()
    check_syntax(found.latex())
    check_syntax(found.latex(document=True))


@pytest.mark.skipif(tex() is None, reason="no TeX on this machine")
def test_latex_compiles(tmp_path: Path) -> None:
    body = "\n".join(example().latex() for example in EXAMPLES)
    document = first().latex(document=True)
    begin = document.index(r"\begin{document}") + len(r"\begin{document}")
    pdf = compile_document(f"{document[:begin]}\n{body}\n\\end{{document}}\n", tmp_path)
    assert pdf.read_bytes().startswith(b"%PDF")


@examples
def test_markdown(example: Callable[[], lg.Derivation]) -> None:
    page = example().markdown()
    for line in page.splitlines():
        if line.startswith("|"):
            assert line.count("|") == 4
        assert line.replace("$$", "").count("$") % 2 == 0
        for formula in line.replace("$$", "$").split("$")[1::2]:
            check_syntax(formula)


@examples
def test_html_is_well_formed_and_needs_no_network(example: Callable[[], lg.Derivation]) -> None:
    found = example()
    page = found.html()
    piece = found._repr_html_()
    root = ElementTree.fromstring(f"<div>{piece}</div>")
    assert root.find(".//{http://www.w3.org/1998/Math/MathML}math") is not None
    assert "src=" not in page
    assert "href=" not in page.replace('href="data:,"', "").replace('href="#', "")
    assert ElementTree.fromstring(found.svg()).tag.endswith("svg")


@examples
def test_json(example: Callable[[], lg.Derivation]) -> None:
    found = example()
    read = json.loads(json.dumps(found.json(), allow_nan=False))
    assert {"target", "formula", "value", "inputs", "gradients", "steps", "edges", "given", "paths", "sum"} <= set(read)


def test_the_json_of_the_first_example_is_as_documented() -> None:
    read = first().json()
    assert read["value"] == -10.0
    assert read["gradients"] == {"a": -2.0, "b": -4.0, "c": 5.0}
    assert read["paths"] == [
        {
            "factors": [
                {"of": "L", "with_respect_to": "e", "formula": "c", "value": -2.0},
                {"of": "e", "with_respect_to": "d", "formula": "1", "value": 1.0},
                {"of": "d", "with_respect_to": "b", "formula": "2", "value": 2.0},
            ],
            "product": -4.0,
        }
    ]
    assert read["sum"] == -4.0
    assert read["with_respect_to"] == "b"


def test_the_slide_in_the_lectures_notation() -> None:
    found = slide()
    page = found.latex()
    for symbol in (
        r"\frac{\partial L}{\partial a^{[2]}}",
        r"\frac{\partial a^{[2]}}{\partial z^{[2]}}",
        r"\frac{\partial z^{[2]}}{\partial a^{[1]}}",
        r"\frac{\partial a^{[1]}}{\partial z^{[1]}}",
        r"\frac{\partial z^{[1]}}{\partial W^{[1]}}",
    ):
        assert symbol in page
    assert r"\left(-0.4\right) \cdot \left(-3.75\right) \cdot 1.5 \cdot 1 \cdot 4.2 = 9.45" in page
    assert "are given here, not computed" in page
    assert "9.45" in str(found)
    assert "9.45" in found.html()


def test_entries_are_counted_from_one_in_mathematics_and_from_zero_in_python() -> None:
    found = perceptron()
    assert "W1[1, 2]" in str(found)
    assert "W^{[1]}_{23}" in found.latex()
    assert as_latex(entry(name("W1"), (0, 0))) == "W^{[1]}_{11}"
    assert as_latex(entry(name("W1"), (0, 11))) == "W^{[1]}_{1,12}"
    assert as_latex(entry(name("W^{[1]}"), (0, 0))) == "W^{[1]}_{11}"


@pytest.mark.parametrize(
    ("text", "taken_apart", "latex"),
    [
        ("W1", Name("W", "[1]"), "W^{[1]}"),
        ("W^{[1]}_{11}", Name("W", "[1]", "11"), "W^{[1]}_{11}"),
        ("W_{11}^{[1]}", Name("W", "[1]", "11"), "W^{[1]}_{11}"),
        ("x2", Name("x", "", "2"), "x_{2}"),
        ("h_t", Name("h", "", "t"), "h_{t}"),
        ("c_pos", Name("c", "", "pos"), r"c_{\mathrm{pos}}"),
        ("y_hat", Name("y", accent="hat"), r"\hat{y}"),
        ("yhat", Name("y", accent="hat"), r"\hat{y}"),
        ("ŷ", Name("y", accent="hat"), r"\hat{y}"),
        ("η", Name("eta"), r"\eta"),
        ("theta", Name("theta"), r"\theta"),
        ("loss", Name("loss"), r"\text{loss}"),
        ("my & name_$%", Name("my & name_$%"), r"\text{my \& name\_\$\%}"),
        (r"\input{/etc/passwd}", Name(r"\input{/etc/passwd}"), r"\text{\textbackslash{}input\{/etc/passwd\}}"),
    ],
)
def test_names(text: str, taken_apart: Name, latex: str) -> None:
    assert parsed(text) == taken_apart
    assert as_latex(name(text)) == latex
    check_syntax(latex)
    ElementTree.fromstring(math_element(as_mathml(name(text))))


def test_names_cannot_break_out_of_a_page() -> None:
    x = lg.variable(1.0, "<script>alert(1)</script>")
    page = lg.explain((x * x).named("a|b`"), wrt=x)
    assert "<script>alert" not in page.html()
    assert "<script>" not in page._repr_html_()
    check_syntax(page.latex())


def test_every_formula_of_every_primitive_is_written() -> None:
    from lexgrad.explain.faces.text import as_text
    from lexgrad.explain.mathematics import of_node
    from lexgrad.graph import PRIMITIVES, Node, apply, input_node
    from lexgrad.ops import type_of

    for primitive in PRIMITIVES.values():
        for sample in primitive.samples:
            arrays: list[Any] = sample.draw(0)
            inputs = [input_node(f"x{i}", type_of(array)) for i, array in enumerate(arrays)]
            node: Node = apply(primitive, *inputs, **sample.attributes)
            formula = of_node(node, {})
            assert as_text(formula)
            check_syntax(as_latex(formula))
            ElementTree.fromstring(math_element(as_mathml(formula)))


@pytest.mark.parametrize(("operation", "sign"), [(operator.add, "+"), (operator.sub, "-"), (operator.mul, "*")])
def test_what_was_left_out_of_two_formulas_need_not_be_the_same(operation: Callable[..., Any], sign: str) -> None:
    from lexgrad.explain.faces.text import as_text
    from lexgrad.explain.mathematics import of_node
    from lexgrad.graph import Type, input_node

    def long(letter: str) -> Any:
        x = input_node(letter, Type("float", ()))
        for number in range(2, 17):
            x = lg.tanh(x) * number
        return x * lg.tanh(x)

    formula = as_text(of_node(operation(long("x"), long("y")), {}))
    assert formula == f"… * … {sign} … * …"
