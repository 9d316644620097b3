"""From kernels of loop IR to LLVM text: one function a kernel."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from lexgrad.compile.arrays import SCRATCH
from lexgrad.compile.blocking import worth_packing
from lexgrad.compile.functions import float_text
from lexgrad.compile.loops import (
    BLOCK,
    Apply,
    Assign,
    Block,
    Computed,
    Declare,
    Expression,
    Extent,
    InPlace,
    Kernel,
    Let,
    Load,
    Local,
    Loop,
    Number,
    Product,
    Statement,
    Store,
    Unless,
    While,
    uses,
)
from lexgrad.compile.operations import write_operation
from lexgrad.compile.packed import write_packed
from lexgrad.compile.packing import PLAIN, Format
from lexgrad.compile.products import MicroKernels
from lexgrad.compile.tiling import write_in_place
from lexgrad.compile.writer import Stored, Writer, loop_hint, size_name
from lexgrad.graph import DType


_BUFFER = re.compile(r"%B\.(\w+)")


class KernelText(Writer):
    """Writes the LLVM function of one kernel.

    Args:
        kernel: what it does.
        dtypes: of every buffer.
        places: what memory each buffer is in; buffers of one place become one pointer, so that LLVM knows of every
            dependence between them.
        names: the named sizes, which every kernel is given.
        kernels: the micro-kernels of matrix products.
        format: how operands of matrix products are packed.

    Attributes:
        function: the name of the function, once it is written.
        buffers: those that it is given, in this order.
        scratch_bytes: how much scratch memory each thread needs.
    """

    def __init__(
        self,
        kernel: Kernel,
        dtypes: Mapping[str, Stored],
        places: Mapping[str, object],
        names: Sequence[str],
        kernels: MicroKernels,
        format: Format,
    ) -> None:
        super().__init__(kernels.fp)
        self.kernel = kernel
        self.dtypes = dict(dtypes)
        self.kernels = kernels
        self.tile = kernels.tile
        self.format = format
        self.function = ""
        self.scratch_bytes = 0
        touched = list(dict.fromkeys(access.buffer for access in (*kernel.writes, *kernel.reads)))
        first: dict[object, str] = {}
        self.pointer = {name: first.setdefault(places[name], name) for name in touched}
        self.buffers = [name for name in touched if self.pointer[name] == name]
        self.places = places
        self.names = names
        alone = kernel.extent == 1
        self.locals = {"first": "0" if alone else "%first", "last": "1" if alone else "%last"}
        self.declared: dict[str, DType] = {}
        self.fma = kernels.fma
        self.uses = uses(kernel.body)
        self.products: dict[str, tuple[str, str]] = {}  # the factors of products that are read once, not multiplied yet

    def text(self, written: dict[str, str]) -> str:
        """The function, ``void name(i64 first, i64 last, ptr buffers…, i64 sizes…)``; or nothing, if there is one.

        ``written`` has the functions so far, by what they do to their buffers: those of several kernels are often the
        same.
        """
        self.statements(self.kernel.body)
        buffers = [f"ptr noalias %B.{name}" for name in self.buffers]
        sizes = [f"i64 {size_name(name)}" for name in self.names]
        head = f"({', '.join(['i64 %first', 'i64 %last', *buffers, *sizes])})"
        inline = "" if self.kernel.extent == 1 else " noinline"
        text = "\n".join([f"{head}{inline} {{", "entry:", *self.slots, *self.lines, "  ret void", "}"])
        numbers = {name: f"%B.{number}" for number, name in enumerate(self.buffers)}
        does = _BUFFER.sub(lambda found: numbers.get(found[1], found[0]), text)
        self.function = written.setdefault(does, self.kernel.name)
        return f"define internal void @{self.function}{text}" if self.function == self.kernel.name else ""

    # --- expressions

    def value(self, expression: Expression) -> str:
        """The LLVM value of an expression."""
        match expression:
            case Number(value, dtype):
                return self.literal(value, dtype)
            case Extent(size):
                return self.size(size)
            case Local(name):
                return self.local(name)
            case Load(buffer, offset, dtype):
                loaded = self.put(f"load {self.memory(self.dtypes[buffer])}, ptr {self.address(buffer, offset)}")
                if self.dtypes[buffer] == "half":
                    return self.widened(loaded)
                return self.put(f"icmp ne i8 {loaded}, 0") if dtype == "bool" else loaded
            case Apply(_, operands):
                summed = self.sum_of_product(expression)
                return summed or write_operation(self, expression, [self.value(operand) for operand in operands])

    def widened(self, half: str) -> str:
        """A float from the 16 bits of a bf16: the upper half of an fp32."""
        wide = self.put(f"zext i16 {half} to i32")
        single = self.put(f"bitcast i32 {self.put(f'shl i32 {wide}, 16')} to float")
        return single if self.fp == "float" else self.put(f"fpext float {single} to {self.fp}")

    def factors(self, expression: Expression) -> tuple[str, str] | None:
        """The LLVM values of the two factors of a product of floats that nothing else reads; None for all else."""
        match expression:
            case Local(name):
                return self.products.get(name)
            case Apply("multiply", (x, y), "float"):
                return self.value(x), self.value(y)
        return None

    def sum_of_product(self, expression: Apply) -> str | None:
        """A sum or difference with a product in it, as one instruction where there is one; None for all else."""
        if expression.dtype != "float" or expression.operation not in ("add", "subtract", "fold_add"):
            return None
        fp, (left, right) = self.fp, expression.operands
        if expression.operation == "fold_add":
            pair = self.factors(right)
            product = self.put(f"fmul contract {fp} {pair[0]}, {pair[1]}") if pair else self.value(right)
            return self.put(f"fadd reassoc contract {fp} {self.value(left)}, {product}")
        minus = expression.operation == "subtract"
        if self.fma and (pair := self.factors(right)):
            x = self.put(f"fneg {fp} {pair[0]}") if minus else pair[0]
            return self.multiply_add(x, pair[1], self.value(left))
        if self.fma and (pair := self.factors(left)):
            z = self.value(right)
            return self.multiply_add(*pair, self.put(f"fneg {fp} {z}") if minus else z)
        return None

    def multiply_add(self, x: str, y: str, z: str) -> str:
        """x y + z, rounded once."""
        fp = self.fp
        return self.put(f"call {fp} @llvm.fma.{self.bits}({fp} {x}, {fp} {y}, {fp} {z})")

    def local(self, name: str) -> str:
        """The LLVM value of a local."""
        if name in self.declared:
            return self.put(f"load {self.llvm(self.declared[name])}, ptr {self.locals[name]}")
        if name in self.products:
            return self.put(f"fmul {self.fp} {', '.join(self.products[name])}")
        return self.locals[name]

    def literal(self, value: float | int | bool, dtype: DType) -> str:
        """A number as LLVM text."""
        if dtype == "float":
            return float_text(float(value), self.fp)
        return str(value).lower() if dtype == "bool" else str(int(value))

    def address(self, buffer: str, offset: Expression) -> str:
        """A pointer to an entry of a buffer."""
        type = self.memory(self.dtypes[buffer])
        return self.put(f"getelementptr inbounds {type}, ptr %B.{self.pointer[buffer]}, i64 {self.value(offset)}")

    def scratch(self) -> str:
        """A pointer to memory of this thread's own, of which ``needs_scratch`` says how much there is."""
        if SCRATCH not in self.buffers:
            self.buffers.append(SCRATCH)
        return f"%B.{SCRATCH}"

    def needs_scratch(self, size: int) -> None:
        """Ask for so many bytes of scratch memory."""
        self.scratch_bytes = max(self.scratch_bytes, size)

    def entry(self, base: str, place: str) -> str:
        """A pointer to an entry behind an address."""
        return self.put(f"getelementptr {self.fp}, ptr {base}, i64 {place}")

    # --- statements

    def statements(self, statements: Sequence[Statement]) -> None:
        """Write statements one after the other."""
        for statement in statements:
            self.statement(statement)

    def statement(self, statement: Statement) -> None:
        """Write one statement."""
        match statement:
            case Let(name, value):
                pair = self.factors(value) if self.uses[name] == 1 and isinstance(value, Apply) else None
                if pair:
                    self.products[name] = pair
                else:
                    self.locals[name] = self.value(value)
            case Declare(name, value):
                start = self.value(value)
                self.locals[name] = self.slot(self.llvm(value.dtype))
                self.declared[name] = value.dtype
                self.do(f"store {self.llvm(value.dtype)} {start}, ptr {self.locals[name]}")
            case Assign(name, value):
                self.do(f"store {self.llvm(value.dtype)} {self.value(value)}, ptr {self.locals[name]}")
            case Store(buffer, offset, value):
                self.store(buffer, offset, value)
            case Block(name):
                self.room(name)
            case Unless(target, source, body):
                if self.places[target] != self.places[source]:
                    self.statements(body)
            case Loop(name, first, last, body, terms):
                self.begin(name, self.value(first), self.value(last))
                self.statements(body)
                self.end(hint="" if _is_short(statement) else loop_hint(terms))
            case While(condition, body):
                self.repeat(condition, body)
            case Product():
                self.product(statement)

    def room(self, name: str) -> None:
        """Stack memory under the name of a buffer, which LLVM keeps in registers."""
        if name not in self.pointer:
            self.pointer[name], self.dtypes[name] = name, "float"
            self.slots.append(f"  %B.{name} = alloca [{BLOCK} x {self.fp}], align 64")

    def product(self, product: Product) -> None:
        """Write a matrix product: of operands as they lie, if both can be read so."""
        product = replace(product, left=self.readable(product.left), right=self.readable(product.right))
        left, right = product.left, product.right
        lie = isinstance(left, InPlace) and isinstance(right, InPlace) and self.format == PLAIN
        in_panels = isinstance(right, InPlace) and self.dtypes[right.buffer] == "panels"
        if in_panels or (lie and not worth_packing(product, self.kernel.extent)):
            write_in_place(self, product)
        else:
            write_packed(self, product)

    def readable(self, operand: InPlace | Computed) -> InPlace | Computed:
        """An operand that micro-kernels can read where it lies, or else one that is computed when it is packed."""
        if isinstance(operand, Computed) or self.dtypes[operand.buffer] != "half":
            return operand
        row, column = (f"half.{axis}.{self.number()}" for axis in "ij")
        place: Expression = operand.offset
        for name, stride in zip((row, column), operand.strides, strict=True):
            step = Apply("multiply", (Local(name, "int"), stride), "int")
            place = Apply("add", (place, step), "int")
        return Computed((row, column), (), Load(operand.buffer, place, "float"), operand.along)

    def repeat(self, condition: Expression, body: Sequence[Statement]) -> None:
        """Write a loop that goes on while a condition holds."""
        number = self.number()
        self.do(f"br label %test{number}")
        self.block(f"test{number}")
        self.do(f"br i1 {self.value(condition)}, label %again{number}, label %done{number}")
        self.block(f"again{number}")
        self.statements(body)
        self.do(f"br label %test{number}")
        self.block(f"done{number}")

    def store(self, buffer: str, offset: Expression, value: Expression) -> None:
        """Write a value into a buffer; a boolean takes a byte there."""
        computed = self.value(value)
        if self.dtypes[buffer] == "bool":
            computed = self.put(f"zext i1 {computed} to i8")
        self.do(f"store {self.memory(self.dtypes[buffer])} {computed}, ptr {self.address(buffer, offset)}")


_SHORT = 8
"""Turns of a loop that is better written out."""


def _is_short(loop: Loop) -> bool:
    match loop.start, loop.stop:
        case Number(start), Number(stop):
            return loop.terms == 0 and (stop - start <= _SHORT or stop - start == BLOCK)
    return False
