"""The loop IR: what a kernel does, as loops over named sizes, loads, arithmetic and stores.

It is deliberately small. Expressions have no side effects; statements are executed in order. Memory is a set of
buffers, each a row-major array; an offset into one is an integer expression.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from lexgrad.errors import LexgradError
from lexgrad.graph import Dim, DType, Shape, Size


@dataclass(frozen=True)
class Number:
    """A literal of a dtype."""

    value: float | int | bool
    dtype: DType


@dataclass(frozen=True)
class Extent:
    """A size as an integer: a number or a polynomial of named sizes."""

    size: Size
    dtype: DType = "int"


@dataclass(frozen=True)
class Local:
    """A loop variable, or a value that a Let or Declare gave a name."""

    name: str
    dtype: DType


@dataclass(frozen=True)
class Load:
    """The entry of a buffer at an offset, counted in entries."""

    buffer: str
    offset: Expression
    dtype: DType


@dataclass(frozen=True)
class Apply:
    """An operation, named as the primitive is, on expressions."""

    operation: str
    operands: tuple[Expression, ...]
    dtype: DType


Expression: TypeAlias = Number | Extent | Local | Load | Apply


@dataclass(frozen=True)
class Let:
    """Give a value a name."""

    name: str
    value: Expression


@dataclass(frozen=True)
class Declare:
    """A local that later statements assign to."""

    name: str
    value: Expression


@dataclass(frozen=True)
class Assign:
    """Give a declared local a new value."""

    name: str
    value: Expression


@dataclass(frozen=True)
class Store:
    """Write a value into a buffer."""

    buffer: str
    offset: Expression
    value: Expression


@dataclass(frozen=True)
class Loop:
    """``for name in start … stop-1``.

    Attributes:
        terms: of a sum whose terms may be added in any order: how many there are. Such a loop has to stay a loop: if
            it were unrolled, LLVM would choose the order anew for each row of a vector and for the rows that are left
            over, and the result would depend on how rows are divided among threads.
    """

    name: str
    start: Expression
    stop: Expression
    body: tuple[Statement, ...]
    terms: int = 0


@dataclass(frozen=True)
class Block:
    """Room for ``BLOCK`` floats of this kernel's own, under the name of a buffer; registers hold it.

    It has only loops over all of it, which are written out in vectors.
    """

    name: str


@dataclass(frozen=True)
class While:
    """As long as a condition holds, which is computed anew each time."""

    condition: Expression
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class Unless:
    """What has to be done unless two buffers are one: a copy that an update in place does not need."""

    target: str
    source: str
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class Prefetch:
    """Ask for entries of a buffer that will be read, or written, before long; they need not exist.

    Attributes:
        buffer: which one.
        offset: of the first one.
        count: how many.
        write: whether they will be written.
    """

    buffer: str
    offset: Expression
    count: Expression
    write: bool


@dataclass(frozen=True)
class InPlace:
    """An operand of a matrix product that lies in a buffer, with an offset and a stride for each of its two axes."""

    buffer: str
    offset: Expression
    strides: tuple[Expression, Expression]

    @property
    def along(self) -> int:
        """The axis whose neighbours lie side by side."""
        return 1 if self.strides[1] == ONE else 0


@dataclass(frozen=True)
class Computed:
    """An operand of a matrix product whose entries are computed when they are packed, and are never in memory.

    Attributes:
        index: the locals that hold an entry's row and column.
        body: what comes before its value.
        value: the entry.
        along: the axis whose neighbours lie side by side in what it is computed from.
    """

    index: tuple[str, str]
    body: tuple[Statement, ...]
    value: Expression
    along: int


@dataclass(frozen=True)
class Product:
    """A block of a matrix product: ``result[row, column] = Σ_k left[row, k] right[k, column]``, register-tiled.

    Attributes:
        left: the left operand.
        right: the right operand.
        rows: the first row, and the one behind the last.
        columns: the first column, and the one behind the last.
        depth: how many products a sum has; a number where it is known.
        epilogue: what becomes of each entry.
        row: the local that holds an entry's row.
        column: the local that holds its column.
        result: the local that holds the entry.
    """

    left: InPlace | Computed
    right: InPlace | Computed
    rows: tuple[Expression, Expression]
    columns: tuple[Expression, Expression]
    depth: Expression
    epilogue: tuple[Statement, ...]
    row: str
    column: str
    result: str


@dataclass(frozen=True)
class Part:
    """Share ``number`` of a kernel: all that another kernel does, which has but one share itself."""

    number: int
    kernel: Kernel


Statement: TypeAlias = Let | Declare | Assign | Block | Store | Prefetch | Loop | While | Unless | Product | Part


@dataclass(frozen=True)
class Access:
    """How a kernel touches a buffer.

    Attributes:
        buffer: which one.
        aligned: share ``i`` of the work touches row ``i`` only.
        exact: entry by entry: an entry is read just before the entry at the same place of the result is written.
    """

    buffer: str
    aligned: bool
    exact: bool = False


@dataclass(frozen=True)
class Kernel:
    """One step of a program: work that the threads divide among themselves, with no order between the shares.

    Attributes:
        name: unique within its program.
        extent: how many shares there are; the body does the shares from ``first`` up to and without ``last``.
        body: the statements; ``first`` and ``last`` are locals.
        reads: buffers that are read.
        writes: buffers that are written.
        cost: about how many scalar operations one share is, for deciding on threads.
        comment: what it computes, for people.
        shape: of an elementwise kernel, which only has loops over this shape with Lets and Stores inside; else None.
        picked: of a kernel that changes rows of a table, each in a turn of its own: the buffer of their numbers.
    """

    name: str
    extent: Size
    body: tuple[Statement, ...]
    reads: tuple[Access, ...]
    writes: tuple[Access, ...]
    cost: Size = 1
    comment: str = ""
    shape: Shape | None = None
    picked: str = ""


BLOCK = 64
"""Columns whose sums registers hold: loops over just so many are written out, in vectors."""

SUMS = "sums"
"""What such a block of sums is called."""

FIRST, LAST = Local("first", "int"), Local("last", "int")
ZERO, ONE = Number(0, "int"), Number(1, "int")


def add(x: Expression, y: Expression) -> Expression:
    """x + y on integers, without adding 0."""
    if x == ZERO:
        return y
    if y == ZERO:
        return x
    return Apply("add", (x, y), "int")


def multiply(x: Expression, y: Expression) -> Expression:
    """x * y on integers, without multiplying by 0 or 1."""
    if ZERO in (x, y):
        return ZERO
    if x == ONE:
        return y
    if y == ONE:
        return x
    return Apply("multiply", (x, y), "int")


def extent(size: Size) -> Expression:
    """A size as an expression."""
    return Extent(size) if isinstance(size, Dim) else Number(size, "int")


def walk(statements: Sequence[Statement]) -> Iterator[Statement]:
    """Every statement, those inside loops included."""
    for statement in statements:
        yield statement
        if isinstance(statement, Loop | While | Unless):
            yield from walk(statement.body)
        elif isinstance(statement, Product):
            for operand in (statement.left, statement.right):
                if isinstance(operand, Computed):
                    yield from walk(operand.body)
            yield from walk(statement.epilogue)
        elif isinstance(statement, Part):
            yield from walk(statement.kernel.body)


def expressions(statement: Statement) -> Iterator[Expression]:
    """The expressions of a statement itself, whole; not those of statements inside it."""
    match statement:
        case Let(_, value) | Declare(_, value) | Assign(_, value):
            yield value
        case Store(_, offset, value):
            yield from (offset, value)
        case Prefetch(_, offset, count):
            yield from (offset, count)
        case Loop(_, start, stop):
            yield from (start, stop)
        case While(condition):
            yield condition
        case Product(left, right, rows, columns, depth):
            yield from (*rows, *columns, depth)
            for operand in (left, right):
                if isinstance(operand, Computed):
                    yield operand.value
                else:
                    yield from (operand.offset, *operand.strides)


def uses(statements: Sequence[Statement]) -> Counter[str]:
    """How often each local is read in statements and all that is inside them."""
    return Counter(part.name for part in parts(statements) if isinstance(part, Local))


def parts(statements: Sequence[Statement]) -> Iterator[Expression]:
    """Every expression in statements, with those that it is made of."""
    for statement in walk(statements):
        for expression in expressions(statement):
            yield from inside(expression)


def inside(expression: Expression) -> Iterator[Expression]:
    """An expression, with those that it is made of."""
    stack = [expression]
    while stack:
        expression = stack.pop()
        yield expression
        match expression:
            case Load(_, offset):
                stack.append(offset)
            case Apply(_, operands):
                stack.extend(operands)


def renamed(statement: Statement, names: dict[str, str], suffix: str) -> Statement:
    """A statement whose own locals have other names; ``names`` says what has been renamed, and is added to.

    Raises:
        LexgradError: it is a product of matrices, or a copy, which stand alone in their kernels.
    """
    if isinstance(statement, Block):
        return statement  # it begins anew
    match statement:
        case Let(name, value) | Declare(name, value):
            value = _renamed(value, names)
            names[name] = name + suffix
            return type(statement)(names[name], value)
        case Assign(name, value):
            return Assign(names.get(name, name), _renamed(value, names))
        case Store(buffer, offset, value):
            return Store(buffer, _renamed(offset, names), _renamed(value, names))
        case Loop(name, start, stop, body, terms):
            bounds = _renamed(start, names), _renamed(stop, names)
            names[name] = name + suffix
            return Loop(names[name], *bounds, tuple(renamed(inner, names, suffix) for inner in body), terms)
        case While(condition, body):
            return While(_renamed(condition, names), tuple(renamed(inner, names, suffix) for inner in body))
        case _:
            raise LexgradError(f"{type(statement).__name__} stands alone in its kernel")


def _renamed(expression: Expression, names: Mapping[str, str]) -> Expression:
    return replaced(expression, lambda local: Local(names.get(local.name, local.name), local.dtype))


def with_values(expression: Expression, values: Mapping[str, Expression]) -> Expression:
    """An expression in which some locals, by name, have these values."""
    return replaced(expression, lambda local: values.get(local.name, local))


def replaced(expression: Expression, value: Callable[[Local], Expression]) -> Expression:
    """An expression with other values in the place of its locals."""
    match expression:
        case Local():
            return value(expression)
        case Load(buffer, offset, dtype):
            return Load(buffer, replaced(offset, value), dtype)
        case Apply(operation, operands, dtype):
            return Apply(operation, tuple(replaced(operand, value) for operand in operands), dtype)
        case _:
            return expression
