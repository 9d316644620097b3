"""Graphs inside graphs: their text form, their sizes, the checker, and groups of nodes."""

from __future__ import annotations

import numpy as np
import pytest

from lexgrad.errors import InputError, ShapeError
from lexgrad.evaluate import evaluate
from lexgrad.graph import Dim, Graph, IllegalGraphError, Type, check, group_key, input_node, parse
from lexgrad.ops import matmul, tanh
from lexgrad.ops.scan import loop

TEXT = """\
graph rnn(h0: float[2], x: float[time, 2], W: float[2, 2]) {
  graph step(h: float[2], x_t: float[2], W: float[2, 2]) {
    %3: float[2] = matmul(h, W)
    %4: float[2] = add(x_t, %3)
    new: float[2] = tanh(%4)
    return new=new, old=h
  }
  last: float[2] = scan(h0, x, W, body=@step, carries=1, sequences=1, length=time, reverse=False, output=0)
  %4: float[time, 2] = scan(h0, x, W, body=@step, carries=1, sequences=1, length=time, reverse=False, output=1)
  graph step_2(h: float[2], x_t: float[2], W: float[2, 2]) {
    return new=h, old=x_t
  }
  %5: float[time, 2] = scan(last, %4, W, body=@step_2, carries=1, sequences=1, length=time, reverse=True, output=1)
  return all=%5, last=last
}"""


def body(time: Dim, named: str = "step") -> Graph:
    h, x = input_node("h", Type("float", (2,))), input_node("x_t", Type("float", (2,)))
    W = input_node("W", Type("float", (2, 2)))
    return Graph({"h": h, "x_t": x, "W": W}, {"new": tanh(x + matmul(h, W)).named("new"), "old": h}, named)


def rnn() -> Graph:
    time = Dim("time")
    inputs = {
        "h0": input_node("h0", Type("float", (2,))),
        "x": input_node("x", Type("float", (time, 2))),
        "W": input_node("W", Type("float", (2, 2))),
    }
    last, all_ = loop(list(inputs.values()), body(time), carries=1, sequences=1, length=time)
    given = list(body(time).inputs.values())
    second = Graph(dict(zip(("h", "x_t", "W"), given, strict=True)), {"new": given[0], "old": given[1]}, "step")
    again = [last.named("last"), all_, inputs["W"]]
    _, back = loop(again, second, carries=1, sequences=1, length=time, reverse=True)
    return Graph(inputs, {"all": back, "last": last}, "rnn")


def test_what_it_looks_like() -> None:
    assert str(rnn()) == TEXT


def test_reading_it_back() -> None:
    graph = check(parse(TEXT))
    assert str(graph) == TEXT
    assert graph.outputs["last"].attributes["body"] is graph.outputs["all"].inputs[1].attributes["body"]
    values = {
        "h0": np.array([0.5, -0.5]),
        "x": np.array([[1.0, 2.0], [0.0, 1.0], [1.0, 1.0]]),
        "W": np.array([[0.0, 1.0], [2.0, 0.0]]),
    }
    for name, value in evaluate(rnn(), values).items():
        assert evaluate(graph, values)[name].tolist() == value.tolist()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("body=@step,", "body=@stop,"), r"line 8, column 41: graph 'stop' is used before it is defined"),
        (("step_2", "step"), r"line 10, column 3: graph 'step' is there twice"),
        (("matmul(h, W)", "matmul(h0, W)"), r"line 3, column 27: 'h0' is used before it is defined"),
        (("new=new, old=h", "new=W, old=h"), r"line 8, .*: carry 0 goes into the body 'step' as float\[2\] and comes"),
        (("carries=1", "carries=3"), r"line 8, .*: there is no output 0 of 3 carries and 2 results of the body"),
        (("scan(h0, x, W", "scan(h0, W"), r"line 8, .*: the body 'step' has 3 inputs; got 2"),
        (("x: float[time", "x: float[3"), r"line 8, .*: the body 'step' needs float\[time, 2\] for its sequence 1"),
    ],
)
def test_what_is_wrong_is_said(change: tuple[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse(TEXT.replace(*change))


def test_filling_in_sizes_reaches_the_bodies() -> None:
    graph = rnn()
    assert graph.holds_dim
    small = check(graph.with_sizes({"time": 3}))
    assert not small.holds_dim
    assert str(small) == TEXT.replace("time", "3")
    assert small.with_sizes({}) is small


def test_a_body_is_checked_too() -> None:
    graph = rnn()
    inside = graph.outputs["last"].attributes["body"].outputs["new"]
    inside.type = Type("float", (3,))
    with pytest.raises((IllegalGraphError, ShapeError)):
        check(graph)


def test_outputs_of_one_loop_are_a_group() -> None:
    graph = rnn()
    last, back = graph.outputs["last"], graph.outputs["all"]
    (all_,) = (node for node in graph if node.attributes.get("output") == 1 and node is not back)
    assert group_key(last) == group_key(all_) != group_key(back)
    assert group_key(tanh(last)) is None
