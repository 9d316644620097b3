"""Loops over time: what they mean, where rows and carries are, and who goes through them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from lexgrad import ops
from lexgrad.compile import Program, assemble
from lexgrad.compile.machine import limited
from lexgrad.compile.repeat import Before, Repeat, Row, Same, Turns, kernels_of, loops_of
from lexgrad.errors import InputError
from lexgrad.evaluate import Interpreter, evaluate
from lexgrad.graph import Dim, Graph, Node, Type, input_node
from lexgrad.ops.scan import loop
from tests.comparing import assert_same_values
from tests.compile.running import PROCESSORS, Array, Arrays, assert_same_bits, graph_of, reals, whole
from tests.compile.test_errors import same_error

TIME, BATCH = Dim("time"), Dim("batch")
H = 5


def body(step: Callable[..., Sequence[Node]], *types: Type) -> Graph:
    """A body with inputs of these types."""
    inputs = {f"b{i}": input_node(f"b{i}", type) for i, type in enumerate(types)}
    return Graph(inputs, {f"o{i}": node for i, node in enumerate(step(*inputs.values()))}, "body")


def lstm(h: Node, c: Node, x: Node, w: Node) -> list[Node]:
    """The step of an LSTM, whose gates' sums are x + h w."""
    z = x + h @ w
    i, f, g, o = (z[:, k * H : (k + 1) * H] for k in range(4))
    new = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
    return [ops.sigmoid(o) * ops.tanh(new), new]


def recurrent(length: object = TIME, reverse: bool = False) -> Graph:
    """An LSTM over sequences, with all that can be had of it."""
    rows, weights, sums = (BATCH, H), (H, 4 * H), (BATCH, 4 * H)

    def step(h: Node, c: Node, n: Node, x: Node, w: Node) -> list[Node]:
        h, c = lstm(h, c, x, w)
        return [h, c, 0.5 * n + ops.sum(h * h), h, ops.argmax(h, 1)]

    inner = body(step, reals(*rows), reals(*rows), reals(), reals(*sums), reals(*weights))

    def outputs(h: Node, c: Node, n: Node, x: Node, w: Node) -> dict[str, Node]:
        results = loop([h, c, n, x, w], inner, carries=3, sequences=1, length=length, reverse=reverse)  # type: ignore[arg-type]
        names = ("h", "c", "n", "states", "best")
        return dict(zip(names, results, strict=True)) | {"later": ops.sum(results[3] * 2.0, 0)}

    return graph_of(outputs, h=reals(*rows), c=reals(*rows), n=reals(), x=reals(length, *sums), w=reals(*weights))


def values(length: int, batch: int = 3) -> dict[str, Array]:
    """Values for ``recurrent``."""
    generator = np.random.default_rng(length)
    shapes = {"h": (batch, H), "c": (batch, H), "n": (), "x": (length, batch, 4 * H), "w": (H, 4 * H)}
    return {name: np.asarray(generator.normal(size=shape)) for name, shape in shapes.items()}


@pytest.mark.usefixtures("small_work")
@pytest.mark.parametrize("limit", PROCESSORS)
@pytest.mark.parametrize("reverse", [False, True])
def test_any_length_on_any_number_of_threads(reverse: bool, limit: str) -> None:
    graph = recurrent(reverse=reverse)
    exact = Program(graph, "fp64", threads=1, processor=limited(limit))
    program = Program(graph, "fp32", threads=1, processor=limited(limit))
    for length in 0, 1, 2, 3, 8:
        case = values(length, batch=length % 4)
        assert_same_values(exact.run(case), evaluate(graph, case), 1e-12)
        program.threads = 1
        alone = program.run(case)
        for threads in 2, 3, 4:
            program.threads = threads
            assert_same_bits(program.run(case), alone)


@pytest.mark.parametrize("length", [0, 1, 4])
def test_known_lengths(length: int) -> None:
    graph, case = recurrent(length), values(length)
    assert_same_values(Program(graph, "fp64", threads=2).run(case), evaluate(graph, case), 1e-12)


def test_light_loops_are_for_one_thread() -> None:
    graph = recurrent()
    program = Program(graph, threads=4)
    steps = [{name: program.prepared(name, value) for name, value in values(6, 4).items()}] * 3
    assert program._worthwhile_threads([{"time": 10**4, "batch": 4}], 1) == 1
    assert program._worthwhile_threads([{"time": 10**3, "batch": 10**4}], 1) == 4
    alone = program.launch(steps)
    program._worthwhile_threads = lambda steps, turns: 3  # type: ignore[method-assign]
    for found, expected in zip(program.launch(steps), alone, strict=True):
        assert_same_bits(found, expected)


# --- where things are


def only_loop(graph: Graph, **settings: object) -> tuple[Program, Repeat]:
    """A compiled graph and its loop."""
    program = Program(graph, "fp64", **settings)  # type: ignore[arg-type]
    (found,) = loops_of(program.steps)
    return program, found


def test_rows_of_stacks_are_written_and_read_in_place() -> None:
    program, found = only_loop(recurrent())
    stack = program.plan.outputs["states"]
    assert Row(stack, BATCH * H) in found.where.values()
    assert any(isinstance(place, Before) and place.now == Row(stack, BATCH * H) for place in found.where.values())
    written = [kernel.writes for kernel in kernels_of(found.steps)]
    assert not any(access.buffer == stack for accesses in written for access in accesses)


def test_a_carry_that_is_read_entry_by_entry_stays_in_its_place() -> None:
    program, found = only_loop(recurrent())
    places = [place for place in found.where.values() if isinstance(place, Same)]
    assert {place.buffer for place in places} == {program.plan.outputs["c"], program.plan.outputs["n"]}


def power(w: Node, h: Node) -> dict[str, Node]:
    """h w w w …: a carry that is read whole while the next is written."""
    step = body(lambda h, w: [h @ w], reals(3, 3), reals(3, 3))
    return {"h": loop([h, w], step, carries=1, sequences=0, length=TIME)[0]}


def test_other_carries_alternate() -> None:
    graph = graph_of(lambda w, h, x: power(w, h) | {"x": x * 1.0}, w=reals(3, 3), h=reals(3, 3), x=reals(TIME))
    program, found = only_loop(graph)
    assert sum(isinstance(place, Turns) for place in found.where.values()) == 1
    assert len(program.plan.memory.slots) == 2
    for length in 0, 1, 2, 5:
        case: Arrays = {"w": np.eye(3)[[1, 2, 0]] * 0.5, "h": np.arange(9.0).reshape(3, 3), "x": np.zeros(length)}
        assert_same_values(program.run(case), evaluate(graph, case), 1e-12)


def test_a_state_that_is_handed_from_step_to_step_needs_no_copy() -> None:
    graph = graph_of(lambda w, h, x: power(w, h) | {"x": x * 1.0}, w=reals(3, 3), h=reals(3, 3), x=reals(TIME))
    program = Program(graph, "fp64", donated={"h": "h"})
    assert not program.donation.copied
    case = {"w": np.eye(3)[[1, 2, 0]] * 0.5, "h": np.arange(9.0).reshape(3, 3), "x": np.zeros(5)}
    step = {name: program.prepared(name, value, copy=True) for name, value in case.items()}
    program.launch([step] * 4)
    np.testing.assert_allclose(step["h"], case["h"] @ np.linalg.matrix_power(case["w"], 20))


def test_carries_of_a_loop_take_the_place_of_their_start() -> None:
    step = body(lambda total, x: [0.5 * total + x], reals(4), reals(4))

    def outputs(total: Node, x: Node) -> dict[str, Node]:
        return {"total": loop([total, x], step, carries=1, sequences=1, length=TIME)[0]}

    graph = graph_of(outputs, total=reals(4), x=reals(TIME, 4))
    program = Program(graph, "fp64", donated={"total": "total"})
    assert program.donation.in_place
    given = {"total": np.ones(4), "x": program.prepared("x", np.ones((7, 4)))}
    program.launch([given, given])
    assert given["total"].tolist() == [2 - 2.0**-14] * 4
    assert "unless" in program.pseudocode


def test_arithmetic_on_rows_needs_no_meeting() -> None:
    step = body(lambda h, x: [ops.tanh(h + x), h * x], reals(64, 8), reals(64, 8))

    def outputs(h: Node, x: Node) -> dict[str, Node]:
        return dict(zip("hy", loop([h, x], step, carries=1, sequences=1, length=TIME), strict=True))

    program, found = only_loop(graph_of(outputs, h=reals(64, 8), x=reals(TIME, 64, 8)), threads=2)
    assert not program.making.meetings & {kernel.name for kernel in kernels_of(found.steps)}


def test_a_product_of_the_state_meets_once_a_step() -> None:
    step = body(lambda h, x, w: [ops.tanh(x + h @ w)] * 2, reals(4, 64), reals(4, 64), reals(64, 64))

    def outputs(h: Node, x: Node, w: Node) -> dict[str, Node]:
        return {"y": loop([h, x, w], step, carries=1, sequences=1, length=TIME)[1]}

    graph = graph_of(outputs, h=reals(4, 64), x=reals(TIME, 4, 64), w=reals(64, 64))
    program, found = only_loop(graph, threads=2)
    inside = [kernel.name for kernel in kernels_of(found.steps)]
    assert len(inside) == 1
    assert program.making.meetings >= {*inside}


def test_what_is_used_in_a_loop_lies_there_only() -> None:
    square = reals(8, 8)

    def deep(h: Node, x: Node, w: Node) -> list[Node]:
        new = ops.tanh((ops.tanh(h @ w) @ w) @ w + x)
        return [new, new]

    def outputs(h: Node, x: Node, w: Node) -> dict[str, Node]:
        step = body(deep, square, square, square)
        first = loop([h, x, w], step, carries=1, sequences=1, length=9)[1]
        return {"y": loop([h, first, w], step, carries=1, sequences=1, length=9, reverse=True)[0]}

    graph = graph_of(outputs, h=square, x=reals(9, 8, 8), w=square)
    program = Program(graph, "fp64")
    assert len(program.plan.memory.slots) == 1 + 2 + 2
    assert len(program.plan.memory.sizes) == 1 + 2


# --- what people see


def test_pseudocode_shows_the_loop() -> None:
    text = Program(recurrent(reverse=True)).pseudocode
    assert "for t in time-1 … 0  #" in text
    assert "[t + 1]" in text
    assert "\n  kernel k" in text


def test_a_profile_counts_what_loops_repeat() -> None:
    program = Program(recurrent(), threads=1, profiled=True)
    program.run(values(7))
    rows = {row.kernel: row for row in program.profile.rows}
    (product,) = (row for row in rows.values() if row.flops)
    assert product.flops == 7 * 2 * 3 * H * 4 * H


def test_an_index_out_of_range_at_some_step() -> None:
    step = body(lambda h, j, i, table: [ops.tanh(h + ops.take(table, j)), i], reals(3), whole(), whole(), reals(4, 3))

    def outputs(h: Node, ids: Node, table: Node) -> Node:
        return loop([h, ops.lift(0)[0], ids, table], step, carries=2, sequences=1, length=TIME)[0]

    graph = graph_of(outputs, h=reals(3), ids=whole(TIME), table=reals(4, 3))
    case = {"h": np.zeros(3), "ids": np.array([0, 1, 9, 2, 8]), "table": np.ones((4, 3))}
    same_error(graph, case)
    fine = case | {"ids": case["ids"][:2]}
    assert_same_values(Program(graph, "fp64").run(fine), evaluate(graph, fine), 1e-12)


def test_sizes_that_do_not_fit_in_the_body() -> None:
    step = body(lambda m, x: [ops.maximum(m, ops.max(x, 0))], reals(), reals(BATCH))

    def outputs(m: Node, x: Node) -> Node:
        return loop([m, x], step, carries=1, sequences=1, length=TIME)[0]

    graph = graph_of(outputs, m=reals(), x=reals(TIME, BATCH))
    for run in Program(graph).run, Interpreter(graph).run:
        with pytest.raises(InputError, match="is empty and has no largest entry"):
            run({"m": np.array(0.0), "x": np.zeros((2, 0))})


def test_a_loop_in_a_loop() -> None:
    rows = body(lambda h, x, w: [ops.tanh(h @ w + x), h], reals(4), reals(4), reals(4, 4))

    def column(state: Node, xs: Node, w: Node) -> list[Node]:
        last, before = loop([state, xs, w], rows, carries=1, sequences=1, length=BATCH, reverse=True)
        return [last, before, last]

    outer = body(column, reals(4), reals(BATCH, 4), reals(4, 4))

    def outputs(state: Node, xs: Node, w: Node) -> dict[str, Node]:
        results = loop([state, xs, w], outer, carries=1, sequences=1, length=TIME)
        return dict(zip(("state", "grid", "lasts"), results, strict=True))

    graph = graph_of(outputs, state=reals(4), xs=reals(TIME, BATCH, 4), w=reals(4, 4))
    program = Program(graph, "fp64", threads=2)
    assert "for tt in batch-1 … 0  #" in program.pseudocode
    for shape in (3, 2, 4), (1, 1, 4), (2, 0, 4), (0, 3, 4):
        generator = np.random.default_rng(0)
        case = {
            "state": generator.normal(size=4), "xs": generator.normal(size=shape), "w": generator.normal(size=(4, 4)),
        }  # fmt: skip
        assert_same_values(program.run(case), evaluate(graph, case), 1e-12)


def test_steps_are_light_below_what_a_meeting_takes() -> None:
    assert 10_000 < assemble.LIGHT < 1_000_000
