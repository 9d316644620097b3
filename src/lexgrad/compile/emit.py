"""From kernels of loop IR to LLVM text: one function a kernel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lexgrad.compile.alone import is_long
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
    Part,
    Prefetch,
    Product,
    Statement,
    Store,
    Unless,
    While,
    uses,
)
from lexgrad.compile.operations import write_operation
from lexgrad.compile.packed import write_packed
from lexgrad.compile.packing import PLAIN
from lexgrad.compile.products import LINE
from lexgrad.compile.tiling import write_in_place
from lexgrad.compile.writer import NOT_UNROLLED, Writer, loop_hint, size_name
from lexgrad.graph import DType

if TYPE_CHECKING:
    from lexgrad.compile.texts import Texts


class KernelText(Writer):
    """Writes the LLVM function of one kernel.

    Args:
        kernel: what it does.
        texts: those of the kernels of its program, and what all of them go by.

    Attributes:
        function: the name of its function, once it is written.
        buffers: those that it is given, in this order.
        scratch_bytes: how much scratch memory each thread needs.
    """

    def __init__(self, kernel: Kernel, texts: Texts) -> None:
        super().__init__(texts.kernels.fp)
        self.kernel = kernel
        self.texts = texts
        self.dtypes = dict(texts.dtypes)
        self.kernels = texts.kernels
        self.tile = self.kernels.tile
        self.format = texts.format
        self.function = ""
        self.scratch_bytes = 0
        touched = list(dict.fromkeys(access.buffer for access in (*kernel.writes, *kernel.reads)))
        first: dict[object, str] = {}
        self.pointer = {name: first.setdefault(texts.places[name], name) for name in touched}
        self.buffers = [name for name in touched if self.pointer[name] == name]
        alone = kernel.extent == 1
        self.locals = {"first": "0" if alone else "%first", "last": "1" if alone else "%last"}
        self.declared: dict[str, DType] = {}
        self.fma = self.kernels.fma
        self.uses = uses(kernel.body)
        self.products: dict[str, tuple[str, str]] = {}  # the factors of products that are read once, not multiplied yet

    def definition(self) -> str:
        """The function, ``void name(i64 first, i64 last, ptr buffers…, i64 sizes…)``, from behind its name on."""
        self.statements(self.kernel.body)
        buffers = [f"ptr noalias %B.{name}" for name in self.buffers]
        sizes = [f"i64 {size_name(name)}" for name in self.texts.sizes]
        head = f"({', '.join(['i64 %first', 'i64 %last', *buffers, *sizes])})"
        inline = "" if self.kernel.extent == 1 and not is_long(self.kernel) else " noinline"
        return "\n".join([f"{head}{inline} {{", "entry:", *self.slots, *self.lines, "  ret void", "}"])

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
                self.let(name, value)
            case Declare(name, value):
                start = self.value(value)
                self.locals[name] = self.slot(self.llvm(value.dtype))
                self.declared[name] = value.dtype
                self.do(f"store {self.llvm(value.dtype)} {start}, ptr {self.locals[name]}")
            case Assign(name, value):
                self.do(f"store {self.llvm(value.dtype)} {self.value(value)}, ptr {self.locals[name]}")
            case Store(buffer, offset, value):
                self.store(buffer, offset, value)
            case Prefetch():
                self.prefetch(statement)
            case Block(name):
                self.room(name)
            case Unless(target, source, body):
                if self.texts.places[target] != self.texts.places[source]:
                    self.statements(body)
            case Loop(name, first, last, body, terms):
                self.begin(name, self.value(first), self.value(last))
                self.statements(body)
                self.end(hint="" if _is_short(statement) else loop_hint(terms))
            case While(condition, body):
                self.repeat(condition, body)
            case Product():
                self.product(statement)
            case Part(number, kernel):
                self.part(number, self.texts.write(kernel))

    def let(self, name: str, value: Expression) -> None:
        """Give a value a name; a product that is read once is not multiplied yet."""
        pair = self.factors(value) if self.uses[name] == 1 and isinstance(value, Apply) else None
        if pair:
            self.products[name] = pair
        else:
            self.locals[name] = self.value(value)

    def room(self, name: str) -> None:
        """Stack memory under the name of a buffer, which LLVM keeps in registers."""
        if name not in self.pointer:
            self.pointer[name], self.dtypes[name] = name, "float"
            self.slots.append(f"  %B.{name} = alloca [{BLOCK} x {self.fp}], align 64")

    def prefetch(self, wanted: Prefetch) -> None:
        """Ask for the cache lines of some entries."""
        type = self.memory(self.dtypes[wanted.buffer])
        pointer = f"%B.{self.pointer[wanted.buffer]}"
        begin = self.put(f"getelementptr {type}, ptr {pointer}, i64 {self.value(wanted.offset)}")
        end = self.put(f"getelementptr {type}, ptr {begin}, i64 {self.value(wanted.count)}")
        bytes = self.put(
            f"sub i64 {self.put(f'ptrtoint ptr {end} to i64')}, {self.put(f'ptrtoint ptr {begin} to i64')}"
        )

        def line(place: str) -> None:
            self.do(f"call void @llvm.prefetch.p0(ptr {place}, i32 {int(wanted.write)}, i32 2, i32 1)")

        name = f"line{self.number()}"
        self.begin(name, "0", bytes, str(LINE))
        line(self.put(f"getelementptr i8, ptr {begin}, i64 {self.locals[name]}"))
        self.end(str(LINE), NOT_UNROLLED)
        line(self.put(f"getelementptr i8, ptr {end}, i64 -1"))

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

    def part(self, place: int, text: KernelText) -> None:
        """Do the share of this number, if it is among those that are to be done."""
        number = self.number()
        begun = self.put(f"icmp sle i64 {self.locals['first']}, {place}")
        ends = self.put(f"icmp slt i64 {place}, {self.locals['last']}")
        self.do(f"br i1 {self.put(f'and i1 {begun}, {ends}')}, label %part{number}, label %parted{number}")
        self.block(f"part{number}")
        self.needs_scratch(text.scratch_bytes)
        buffers = [self.scratch() if name == SCRATCH else f"%B.{self.pointer[name]}" for name in text.buffers]
        sizes = [f"i64 {size_name(name)}" for name in self.texts.sizes]
        arguments = ["i64 0", "i64 1", *(f"ptr {buffer}" for buffer in buffers), *sizes]
        self.do(f"call void @{text.function}({', '.join(arguments)})")
        self.do(f"br label %parted{number}")
        self.block(f"parted{number}")

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
