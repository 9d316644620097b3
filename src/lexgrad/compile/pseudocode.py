"""Pseudocode: kernels and loops as a person reads them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from lexgrad.compile.loops import (
    BLOCK,
    ZERO,
    Apply,
    Block,
    Computed,
    Expression,
    Extent,
    InPlace,
    Kernel,
    Load,
    Local,
    Loop,
    Number,
    Part,
    Prefetch,
    Product,
    Statement,
    Store,
    Unless,
    While,
)
from lexgrad.compile.repeat import Before, Cut, Row, Same, Step, Turns, Where
from lexgrad.graph import Dim

_SIGNS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "power": "**", "less": "<", "less_equal": "<=",
          "greater": ">", "greater_equal": ">=", "equal": "==", "not_equal": "!=", "logical_and": "and",
          "logical_or": "or"}  # fmt: skip


@dataclass
class _Printer:
    lines: list[str] = field(default_factory=list)

    def statements(self, statements: Sequence[Statement], indent: int) -> None:
        for statement in statements:
            self.statement(statement, indent)

    def statement(self, statement: Statement, indent: int) -> None:
        pad = "  " * indent
        if isinstance(statement, Loop):
            stop, start = expression_text(statement.stop), expression_text(statement.start)
            self.lines.append(f"{pad}for {statement.name} in {start} … {stop}:")
            self.statements(statement.body, indent + 1)
        elif isinstance(statement, Store):
            where = f"{statement.buffer}[{expression_text(statement.offset)}]"
            self.lines.append(f"{pad}{where} = {expression_text(statement.value)}")
        elif isinstance(statement, Prefetch):
            where = f"{statement.buffer}[{expression_text(statement.offset)}]"
            self.lines.append(f"{pad}ask for {expression_text(statement.count)} entries from {where} on")
        elif isinstance(statement, While):
            self.lines.append(f"{pad}while {expression_text(statement.condition)}:")
            self.statements(statement.body, indent + 1)
        elif isinstance(statement, Unless):
            self.lines.append(f"{pad}unless {statement.target} is in the place of {statement.source}:")
            self.statements(statement.body, indent + 1)
        elif isinstance(statement, Product):
            self.product(statement, indent)
        elif isinstance(statement, Part):
            self.lines.append(f"{pad}share {statement.number}:")
            self.statements(statement.kernel.body, indent + 1)
        elif isinstance(statement, Block):
            self.lines.append(f"{pad}{statement.name} in {BLOCK} registers")
        else:
            self.lines.append(f"{pad}{statement.name} = {expression_text(statement.value)}")

    def product(self, product: Product, indent: int) -> None:
        pad = "  " * indent
        rows, columns = (
            expression_text(stop if start == ZERO else Apply("subtract", (stop, start), "int"))
            for start, stop in (product.rows, product.columns)
        )
        names = []
        for side, operand in (("left", product.left), ("right", product.right)):
            names.append(f"{operand.buffer}[…]" if isinstance(operand, InPlace) else f"{side}[…]")
            if isinstance(operand, Computed):
                self.lines.append(f"{pad}{side}[{', '.join(operand.index)}], computed as it is packed:")
                self.statements(operand.body, indent + 1)
                self.lines.append(f"{pad}  {expression_text(operand.value)}")
        sizes = f"{rows} × {expression_text(product.depth)} × {columns}"
        inner = f"Σ_k {' '.join(names)}"
        where = f"{product.row}, {product.column}"
        self.lines.append(f"{pad}for {where} in register tiles of {sizes}: {product.result} = {inner}")
        self.statements(product.epilogue, indent + 1)


def expression_text(expression: Expression) -> str:
    """An expression as pseudocode."""
    match expression:
        case Number(value):
            return f"{value:g}" if isinstance(value, float) else str(value)
        case Extent(size):
            return str(size)
        case Local(name):
            return name
        case Load(buffer, offset):
            return f"{buffer}[{expression_text(offset)}]"
        case Apply(operation, operands):
            texts = [expression_text(operand) for operand in operands]
            if operation in _SIGNS:
                sums = (isinstance(x, Extent) and isinstance(x.size, Dim) and len(x.size.terms) > 1 for x in operands)
                texts = [f"({text})" if several else text for text, several in zip(texts, sums, strict=True)]
                return f"({f' {_SIGNS[operation]} '.join(texts)})"
            return f"{operation}({', '.join(texts)})"


def kernel_text(kernel: Kernel, indent: int = 0) -> list[str]:
    """The lines of a kernel as readable pseudocode."""
    printer = _Printer()
    pad = "  " * indent
    printer.lines.append(f"{pad}kernel {kernel.name}: {kernel.extent} shares  # {kernel.comment}")
    printer.statements(kernel.body, indent + 1)
    return printer.lines


def pseudocode(steps: Sequence[Step]) -> str:
    """A program as readable pseudocode."""
    return "\n".join(line for step in steps for line in _lines(step, 0))


def _lines(step: Step, indent: int) -> Iterator[str]:
    if isinstance(step, Kernel):
        yield from kernel_text(step, indent)
        return
    pad = "  " * indent
    t = "t" * (indent + 1)
    range = f"{step.length - 1} … 0" if step.reverse else f"0 … {step.length}"
    yield f"{pad}repeat {step.name}: for {t} in {range}  # {step.comment}"
    if step.rows:
        cuts = f"{step.rows.offsets}[{t} + 1] - {step.rows.offsets}[{t}]"
        yield f"{pad}  {step.rows.name} is {cuts}"
    for name, where in step.where.items():
        yield f"{pad}  {name} is {_place(where, t, f'{t} + 1' if step.reverse else f'{t} - 1')}"
    for inner in step.steps:
        yield from _lines(inner, indent + 1)
    for name, before in step.ended.items():
        last = "0" if step.reverse else f"{step.length - 1}"
        yield f"{pad}then {name} is {_place(before, t, last)}"


def _place(where: Where, now: str, before: str) -> str:
    match where:
        case Row(buffer):
            return f"{buffer}[{now}]"
        case Cut(buffer):
            return f"the rows of {buffer} in step {now}"
        case Same(buffer):
            return buffer
        case Turns(even, odd):
            return f"{even} or {odd} in turn"
        case Before(initial, Row(buffer)):
            return f"{initial} at first, then {buffer}[{before}]"
        case Before(initial, Turns(even, odd)):
            return f"{initial} at first, then the other of {even} and {odd}"
    raise TypeError(f"a buffer cannot be at {where}")
