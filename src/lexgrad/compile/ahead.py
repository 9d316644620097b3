"""Rows of a table that are picked by number are asked for some turns before they are read.

A processor foresees rows that follow each other, and not those whose numbers stand in memory: each of them would be
waited for, some 50 ns from a third cache, twice that from memory. What is asked for is on its way meanwhile (Callahan,
Kennedy and Porterfield 1991, Software prefetching).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from lexgrad.compile.loops import (
    ONE,
    ZERO,
    Apply,
    Expression,
    Extent,
    Kernel,
    Load,
    Local,
    Loop,
    Number,
    Part,
    Prefetch,
    Statement,
    Store,
    Unless,
    extent,
    inside,
    parts,
    with_values,
)
from lexgrad.compile.repeat import Repeat, Step
from lexgrad.graph import INPUT, Node, product

TURNS = 16
"""How many rows before it is read a row is asked for."""

LARGE = 1 << 16
"""Entries of a table from which on it does not stay in the nearest caches."""


def ask_ahead(steps: Sequence[Step], nodes: Mapping[str, Node], same: Mapping[str, str]) -> list[Step]:
    """The steps, with requests for the rows that their loops pick from large tables.

    Args:
        steps: of a program.
        nodes: of every buffer.
        same: for a buffer that is in the place of another one, which that is.
    """
    return [
        replace(step, steps=tuple(ask_ahead(step.steps, nodes, same)))
        if isinstance(step, Repeat)
        else _Asking(nodes, same).kernel(step)
        for step in steps
    ]


class _Asking:
    def __init__(self, nodes: Mapping[str, Node], same: Mapping[str, str]) -> None:
        self.nodes, self.same = nodes, same

    def kernel(self, kernel: Kernel) -> Kernel:
        return replace(kernel, body=self.statements(kernel.body))

    def statements(self, statements: Sequence[Statement]) -> tuple[Statement, ...]:
        return tuple(self.statement(statement) for statement in statements)

    def statement(self, statement: Statement) -> Statement:
        if isinstance(statement, Part):
            return replace(statement, kernel=self.kernel(statement.kernel))
        if isinstance(statement, Unless):
            return replace(statement, body=self.statements(statement.body))
        if not isinstance(statement, Loop):
            return statement
        return replace(statement, body=(*self.requests(statement), *self.statements(statement.body)))

    def requests(self, loop: Loop) -> Iterator[Statement]:
        """What to ask for in each turn of a loop, one of whose turns reads or writes a row."""
        asked: dict[tuple[str, Expression], Statement] = {}
        for columns, conditions in _inside(loop.body):
            written = [(s.buffer, s.offset, True) for s in columns.body if isinstance(s, Store)]
            read = [(p.buffer, p.offset, False) for p in parts(columns.body) if isinstance(p, Load)]
            for buffer, offset, write in (*written, *read):
                turn = self.turn(loop, columns, buffer, offset)
                if turn is not None:
                    then = {columns.name: columns.start, loop.name: turn}
                    first, count = with_values(offset, then), columns.stop
                    if columns.start != ZERO:
                        count = Apply("subtract", (columns.stop, columns.start), "int")
                    request: Statement = Prefetch(buffer, first, count, write)
                    for condition in reversed(conditions):
                        stop = with_values(condition.stop, then)
                        request = replace(condition, name=f"{condition.name}.ahead", stop=stop, body=(request,))
                    asked.setdefault((self.same.get(buffer, buffer), first), request)
        yield from asked.values()

    def turn(self, loop: Loop, columns: Loop, buffer: str, offset: Expression) -> Expression | None:
        """The turn whose row is to be asked for, if the loop over columns goes along a row that it picks by number."""
        turn = Local(loop.name, "int")
        match offset:
            case Apply("add", (Apply("multiply", (picked, Number() | Extent())), Local(column))) if (
                column == columns.name
            ):
                found = list(inside(picked))
                numbers = [part for part in found if isinstance(part, Load) and part.offset == turn]
            case _:
                return None
        if not numbers or not self.large(buffer) or any(isinstance(part, Local) and part != turn for part in found):
            return None
        there = [product(self.nodes[load.buffer].shape) for load in numbers]
        if any(size != there[0] for size in there):
            return None
        ahead = Apply("add", (turn, Number(TURNS, "int")), "int")
        last = Apply("subtract", (extent(there[0]), ONE), "int")
        return Apply("minimum", (ahead, last), "int")

    def large(self, buffer: str) -> bool:
        """Whether a table comes from without, and is large; what has just been computed is near."""
        node = self.nodes[self.same.get(buffer, buffer)]
        size = product(node.shape)
        return node.primitive is INPUT and (not isinstance(size, int) or size >= LARGE)


def _inside(
    statements: Sequence[Statement], conditions: tuple[Loop, ...] = ()
) -> Iterator[tuple[Loop, tuple[Loop, ...]]]:
    """Every loop in statements, with the conditions under which it comes: loops of one turn or none."""
    for statement in statements:
        if not isinstance(statement, Loop):
            continue
        if statement.start == ZERO and isinstance(statement.stop, Apply) and statement.stop.operation == "cast":
            yield from _inside(statement.body, (*conditions, statement))
        else:
            yield statement, conditions
