"""From kernels of loop IR to LLVM text: one function a kernel, and one program that every thread runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lexgrad.compile.functions import float_text, functions
from lexgrad.compile.loops import (
    Apply,
    Assign,
    Declare,
    Expression,
    Extent,
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
    walk,
)
from lexgrad.compile.products import Tiles, micro_kernels
from lexgrad.errors import LexgradError
from lexgrad.graph import Dim, DType, Size

_COMPARE = {"equal": "eq", "not_equal": "ne", "less": "lt", "less_equal": "le", "greater": "gt", "greater_equal": "ge"}
_FLOAT = {"add": "fadd", "subtract": "fsub", "multiply": "fmul", "divide": "fdiv"}
_INT = {"add": "add nsw", "subtract": "sub nsw", "multiply": "mul nsw", "floor_divide": "sdiv"}


class KernelText:
    """Writes the LLVM function of one kernel."""

    def __init__(
        self,
        kernel: Kernel,
        dtypes: Mapping[str, DType],
        places: Mapping[str, object],
        names: Sequence[str],
        fp: str,
        tile: Tiles,
    ) -> None:
        self.kernel = kernel
        self.fp = fp
        self.bits = {"float": "f32", "double": "f64"}[fp]
        self.dtypes = dtypes
        self.tile = tile
        self.buffers = [access.buffer for access in (*kernel.writes, *kernel.reads)]
        self.buffers = list(dict.fromkeys(self.buffers))
        # Buffers in one place are one pointer here, so that LLVM knows of every dependence.
        first: dict[object, str] = {}
        self.pointer = {name: first.setdefault(places[name], name) for name in self.buffers}
        self.buffers = [name for name in self.buffers if self.pointer[name] == name]
        self.places = places
        self.names = names
        self.lines: list[str] = []
        self.slots: list[str] = []
        self.label = "entry"
        self.count = 0
        self.locals: dict[str, str] = {"first": "%first", "last": "%last"}
        self.declared: dict[str, DType] = {}
        self.folded = {s.name for s in walk(kernel.body) if isinstance(s, Assign)}

    def text(self) -> str:
        """The function, ``void name(i64 first, i64 last, ptr buffers…, i64 sizes…)``."""
        buffers = [f"ptr noalias %B.{name}" for name in self.buffers]
        sizes = [f"i64 %N.{name}" for name in self.names]
        self.statements(self.kernel.body)
        head = f"define internal void @{self.kernel.name}({', '.join(['i64 %first', 'i64 %last', *buffers, *sizes])})"
        return "\n".join([f"{head} noinline {{", "entry:", *self.slots, *self.lines, "  ret void", "}"])

    # --- small things

    def llvm(self, dtype: DType) -> str:
        return {"float": self.fp, "int": "i64", "bool": "i1"}[dtype]

    def memory(self, dtype: DType) -> str:
        return {"float": self.fp, "int": "i64", "bool": "i8"}[dtype]

    def fresh(self) -> str:
        self.count += 1
        return f"%t{self.count}"

    def put(self, instruction: str) -> str:
        name = self.fresh()
        self.lines.append(f"  {name} = {instruction}")
        return name

    def do(self, instruction: str) -> None:
        self.lines.append(f"  {instruction}")

    def block(self, label: str) -> None:
        self.lines.append(f"{label}:")
        self.label = label

    def slot(self, dtype: str, count: str = "") -> str:
        name = self.fresh()
        self.slots.append(f"  {name} = alloca {dtype}{count}, align 64")
        return name

    # --- expressions

    def value(self, expression: Expression) -> str:
        """The LLVM value of an expression."""
        match expression:
            case Number(value, dtype):
                return self.number(value, dtype)
            case Extent(size):
                return self.size(size)
            case Local(name):
                if name in self.declared:
                    return self.put(f"load {self.llvm(self.declared[name])}, ptr {self.locals[name]}")
                return self.locals[name]
            case Load(buffer, offset, dtype):
                loaded = self.put(f"load {self.memory(dtype)}, ptr {self.address(buffer, offset)}")
                return self.put(f"icmp ne i8 {loaded}, 0") if dtype == "bool" else loaded
            case Apply():
                return self.apply(expression)

    def number(self, value: float | int | bool, dtype: DType) -> str:
        if dtype == "float":
            return float_text(float(value), self.fp)
        return str(value).lower() if dtype == "bool" else str(int(value))

    def size(self, size: Size) -> str:
        if not isinstance(size, Dim):
            return str(size)
        total = "0"
        for monomial, coefficient in size.terms:
            term = str(coefficient)
            for name in monomial:
                term = f"%N.{name}" if term == "1" else self.put(f"mul nsw i64 {term}, %N.{name}")
            total = term if total == "0" else self.put(f"add nsw i64 {total}, {term}")
        return total

    def address(self, buffer: str, offset: Expression) -> str:
        dtype = self.memory(self.dtypes[buffer])
        return self.put(f"getelementptr inbounds {dtype}, ptr %B.{self.pointer[buffer]}, i64 {self.value(offset)}")

    def apply(self, expression: Apply) -> str:
        name, dtype = expression.operation, expression.dtype
        operands = [self.value(operand) for operand in expression.operands]
        kind = expression.operands[0].dtype
        if name in _COMPARE:
            return self.compare(name, kind, operands)
        if name in ("logical_and", "logical_or"):
            return self.put(f"{name.removeprefix('logical_')} i1 {operands[0]}, {operands[1]}")
        if name == "logical_not":
            return self.put(f"xor i1 {operands[0]}, true")
        if name == "select":
            type = self.llvm(dtype)
            return self.put(f"select i1 {operands[0]}, {type} {operands[1]}, {type} {operands[2]}")
        if name == "cast":
            return self.cast(kind, dtype, operands[0])
        return self.float_apply(name, operands) if kind == "float" else self.int_apply(name, operands, dtype)

    def compare(self, name: str, kind: DType, operands: list[str]) -> str:
        sign = _COMPARE[name]
        if kind == "float":
            prefix = "u" if name == "not_equal" else "o"
            return self.put(f"fcmp {prefix}{sign} {self.fp} {operands[0]}, {operands[1]}")
        if kind == "bool":
            operands = [self.put(f"zext i1 {operand} to i64") for operand in operands]
        prefix = "" if sign in ("eq", "ne") else "s"
        return self.put(f"icmp {prefix}{sign} i64 {operands[0]}, {operands[1]}")

    def cast(self, source: DType, target: DType, value: str) -> str:
        if source == target:
            return value
        match source, target:
            case "int", "float":
                return self.put(f"sitofp i64 {value} to {self.fp}")
            case "bool", "float":
                return self.put(f"uitofp i1 {value} to {self.fp}")
            case "bool", "int":
                return self.put(f"zext i1 {value} to i64")
            case "float", "int":
                return self.put(f"fptosi {self.fp} {value} to i64")
            case "float", "bool":
                return self.put(f"fcmp une {self.fp} {value}, {float_text(0.0, self.fp)}")
            case _:
                return self.put(f"icmp ne i64 {value}, 0")

    def float_apply(self, name: str, operands: list[str]) -> str:
        fp, x = self.fp, operands[0]
        if name in _FLOAT:
            return self.put(f"{_FLOAT[name]} contract {fp} {x}, {operands[1]}")
        if name == "fold_add":
            return self.put(f"fadd reassoc contract {fp} {x}, {operands[1]}")
        if name in ("maximum", "minimum"):
            return self.put(f"call {fp} @llvm.{name}.{self.bits}({fp} {x}, {fp} {operands[1]})")
        if name in ("exp", "log", "tanh", "sigmoid", "softplus", "sin", "cos"):
            return self.put(f"call {fp} @lg.{name}({fp} {x})")
        zero = float_text(0.0, fp)
        match name:
            case "negative":
                return self.put(f"fneg {fp} {x}")
            case "sqrt" | "absolute":
                function = {"sqrt": "sqrt", "absolute": "fabs"}[name]
                return self.put(f"call {fp} @llvm.{function}.{self.bits}({fp} {x})")
            case "relu":
                return self.put(f"call {fp} @llvm.maximum.{self.bits}({fp} {x}, {fp} {zero})")
            case "sign":
                one = self.put(f"call {fp} @llvm.copysign.{self.bits}({fp} {float_text(1.0, fp)}, {fp} {x})")
                nothing = self.put(f"fcmp ueq {fp} {x}, {zero}")
                return self.put(f"select i1 {nothing}, {fp} {x}, {fp} {one}")
            case "power":
                return self.put(f"call {fp} @llvm.pow.{self.bits}({fp} {x}, {fp} {operands[1]})")
            case "is_finite":
                size = self.put(f"call {fp} @llvm.fabs.{self.bits}({fp} {x})")
                return self.put(f"fcmp olt {fp} {size}, {float_text(float('inf'), fp)}")
            case "beats":
                larger = self.put(f"fcmp ugt {fp} {x}, {operands[1]}")
                number = self.put(f"fcmp ord {fp} {operands[1]}, {operands[1]}")
                return self.put(f"and i1 {larger}, {number}")
        raise LexgradError(f"the compiler has no instruction for {name!r}")

    def int_apply(self, name: str, operands: list[str], dtype: DType) -> str:
        x = operands[0]
        if name == "random_uniform":
            return self.put(f"call {self.fp} @lg.uniform(i64 {', i64 '.join(operands)})")
        if name in _INT:
            return self.put(f"{_INT[name]} i64 {x}, {operands[1]}")
        match name:
            case "fold_add":
                return self.put(f"add i64 {x}, {operands[1]}")
            case "negative":
                return self.put(f"sub i64 0, {x}")
            case "maximum" | "minimum":
                short = {"maximum": "smax", "minimum": "smin"}[name]
                return self.put(f"call i64 @llvm.{short}.i64(i64 {x}, i64 {operands[1]})")
            case "absolute":
                return self.put(f"call i64 @llvm.abs.i64(i64 {x}, i1 false)")
            case "beats":
                return self.put(f"icmp sgt i64 {x}, {operands[1]}")
            case "sign":
                above = self.put(f"icmp sgt i64 {x}, 0")
                below = self.put(f"ashr i64 {x}, 63")
                return self.put(f"select i1 {above}, i64 1, i64 {below}")
        raise LexgradError(f"the compiler has no instruction for {name!r} on {dtype}")

    # --- statements

    def statements(self, statements: Sequence[Statement]) -> None:
        for statement in statements:
            self.statement(statement)

    def statement(self, statement: Statement) -> None:
        match statement:
            case Let(name, value):
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
            case Unless(target, source, body):
                if self.places[target] != self.places[source]:
                    self.statements(body)
            case Loop():
                self.loop(statement.name, self.value(statement.start), self.value(statement.stop), statement.body)
            case Product():
                self.product(statement)

    def store(self, buffer: str, offset: Expression, value: Expression) -> None:
        computed = self.value(value)
        if self.dtypes[buffer] == "bool":
            computed = self.put(f"zext i1 {computed} to i8")
        self.do(f"store {self.memory(self.dtypes[buffer])} {computed}, ptr {self.address(buffer, offset)}")

    def loop(self, name: str, start: str, stop: str, body: Sequence[Statement], step: str = "1") -> None:
        """``for name in range(start, stop, step)``; ``body`` is statements, or was written by ``begin`` and ``end``."""
        self.begin(name, start, stop, step)
        self.statements(body)
        self.end(step)

    def begin(self, name: str, start: str, stop: str, step: str = "1") -> None:
        number = self.count = self.count + 1
        before = self.label
        self.do(f"br label %head{number}")
        self.block(f"head{number}")
        variable = f"%i{number}"
        self.do(f"{variable} = phi i64 [{start}, %{before}], [%n{number}, %latch{number}]")
        go = self.put(f"icmp slt i64 {variable}, {stop}")
        self.do(f"br i1 {go}, label %body{number}, label %exit{number}")
        self.block(f"body{number}")
        self.locals[name] = variable
        self.open = [*getattr(self, "open", []), number]

    def end(self, step: str = "1") -> None:
        number = self.open.pop()
        self.do(f"br label %latch{number}")
        self.block(f"latch{number}")
        self.do(f"%n{number} = add nsw i64 %i{number}, {step}")
        self.do(f"br label %head{number}")
        self.block(f"exit{number}")

    # --- matrix products

    def product(self, product: Product) -> None:
        """Tiles of a product: columns outside, so that a slab of ``right`` stays in the cache for all rows."""
        rows, columns, depth = map(self.value, (product.rows, product.columns, product.depth))
        a = self.address(product.left, product.left_offset)
        b = self.address(product.right, product.right_offset)
        ai, ak = map(self.value, product.left_strides)
        bk, bj = map(self.value, product.right_strides)
        dots = bj != "1"
        if dots and ak != "1":
            raise LexgradError("a product of two transposed matrices has to be rewritten first")
        height, width = (self.tile.dot_rows, self.tile.dot_columns) if dots else (self.tile.rows, self.tile.columns)
        tile = self.slot(f"[{max(self.tile.rows, self.tile.dot_rows) * self.tile.columns} x {self.fp}]")
        self.begin("tile.j", "0", columns, str(width))
        j = self.locals["tile.j"]
        wide = self.limited(columns, j, width)
        bo = self.put(f"mul i64 {j}, {bj}")
        bp = self.put(f"getelementptr {self.fp}, ptr {b}, i64 {bo}")
        self.begin("tile.i", "0", rows, str(height))
        i = self.locals["tile.i"]
        high = self.limited(rows, i, height)
        ao = self.put(f"mul i64 {i}, {ai}")
        ap = self.put(f"getelementptr {self.fp}, ptr {a}, i64 {ao}")
        last = self.put(f"sub i64 {high}, 1")
        if dots:
            lastb = self.put(f"sub i64 {wide}, 1")
            self.do(
                f"call void @lg.dots(ptr {ap}, i64 {ai}, i64 {last}, ptr {bp}, i64 {bj}, i64 {lastb}, ptr {tile},"
                f" i64 {depth})"
            )
        else:
            self.choose_rows(
                high,
                wide,
                f"ptr {ap}, i64 {ai}, i64 {ak}, i64 {last}, ptr {bp}, i64 {bk}, i64 {wide}, ptr {tile}, i64 {depth}",
            )
        self.epilogue(product, tile, (i, high), (j, wide))
        self.end(str(height))
        self.end(str(width))

    def limited(self, total: str, start: str, most: int) -> str:
        left = self.put(f"sub i64 {total}, {start}")
        return self.put(f"call i64 @llvm.smin.i64(i64 {left}, i64 {most})")

    def choose_rows(self, high: str, wide: str, arguments: str) -> None:
        """Call the micro-kernel for this many rows and columns: whole blocks, or masked ones at the right edge."""
        heights = list(dict.fromkeys((self.tile.rows, 4, 1)))
        number = self.count = self.count + 1
        for level, rows in enumerate(heights):
            smaller = heights[level + 1] if level + 1 < len(heights) else 0
            fits = self.put(f"icmp sgt i64 {high}, {smaller}")
            self.do(f"br i1 {fits}, label %rows{number}.{rows}, label %not{number}.{rows}")
            self.block(f"rows{number}.{rows}")
            self.choose_blocks(rows, wide, arguments, number)
            self.block(f"not{number}.{rows}")
        self.do(f"br label %done{number}")
        self.block(f"done{number}")

    def choose_blocks(self, rows: int, wide: str, arguments: str, number: int) -> None:
        tile = self.tile
        whole = self.put(f"icmp eq i64 {wide}, {tile.columns}")
        here = f"{number}.{rows}"
        self.do(f"br i1 {whole}, label %whole{here}, label %edge{here}")
        self.block(f"whole{here}")
        self.do(f"call void @lg.rows{rows}.{tile.blocks}({arguments})")
        self.do(f"br label %done{number}")
        self.block(f"edge{here}")
        for blocks in range(1, tile.blocks + 1):
            few = self.put(f"icmp sle i64 {wide}, {blocks * tile.lanes}")
            self.do(f"br i1 {few}, label %b{here}.{blocks}, label %n{here}.{blocks}")
            self.block(f"b{here}.{blocks}")
            self.do(f"call void @lg.rows{rows}.{blocks}m({arguments})")
            self.do(f"br label %done{number}")
            self.block(f"n{here}.{blocks}")
        self.do("unreachable")

    def epilogue(self, product: Product, tile: str, row: tuple[str, str], column: tuple[str, str]) -> None:
        """What becomes of each entry of a tile, while it is in the nearest cache."""
        self.begin("epilogue.i", "0", row[1])
        r = self.locals["epilogue.i"]
        self.locals[product.row] = self.put(f"add nsw i64 {row[0]}, {r}")
        self.begin("epilogue.j", "0", column[1])
        c = self.locals["epilogue.j"]
        self.locals[product.column] = self.put(f"add nsw i64 {column[0]}, {c}")
        place = self.put(f"mul nsw i64 {r}, {self.tile.columns}")
        place = self.put(f"add nsw i64 {place}, {c}")
        entry = self.put(f"getelementptr inbounds {self.fp}, ptr {tile}, i64 {place}")
        self.locals[product.result] = self.put(f"load {self.fp}, ptr {entry}")
        self.statements(product.epilogue)
        self.end()
        self.end()


_PROGRAM_HEAD = """
declare i64 @llvm.smin.i64(i64, i64)
declare i64 @llvm.smax.i64(i64, i64)
declare i64 @llvm.abs.i64(i64, i1)

define internal void @barrier(ptr %state, i64 %threads) noinline {
entry:
  %alone = icmp eq i64 %threads, 1
  br i1 %alone, label %done, label %enter
enter:
  %phase = getelementptr i64, ptr %state, i64 8
  %mine = load atomic i64, ptr %phase acquire, align 8
  %old = atomicrmw add ptr %state, i64 1 acq_rel
  %arrived = add i64 %old, 1
  %final = icmp eq i64 %arrived, %threads
  br i1 %final, label %open, label %spin
open:
  store atomic i64 0, ptr %state release, align 8
  %next = add i64 %mine, 1
  store atomic i64 %next, ptr %phase release, align 8
  br label %done
spin:
  %i = phi i64 [0, %enter], [%i1, %again]
  %now = load atomic i64, ptr %phase acquire, align 8
  %go = icmp ne i64 %now, %mine
  br i1 %go, label %done, label %again
again:
  %i1 = add i64 %i, 1
  %low = and i64 %i1, 4095
  %tired = icmp eq i64 %low, 0
  br i1 %tired, label %yield, label %spin.pause
yield:
  call void @lexgrad_yield()
  br label %spin.pause
spin.pause:
PAUSE
  br label %spin
done:
  ret void
}
"""


def program_text(
    kernels: Sequence[Kernel],
    buffers: Mapping[str, DType],
    places: Mapping[str, object],
    sizes: Sequence[str],
    barriers: Sequence[bool],
    fp: str,
    tile: Tiles,
    pause: str,
) -> str:
    """The whole module: functions, kernels, and ``program(table, steps, thread, threads, barrier)``.

    ``table`` has a row for every step: the address of each buffer, then each named size. Every thread runs the
    program; before kernel ``i`` all threads meet where ``barriers[i]`` says so, and after every step.
    """
    parts = [functions(fp), _PROGRAM_HEAD.replace("PAUSE", pause).replace("%spin.pause]", "%again]")]
    parts[1] = parts[1].replace("[%i1, %again]", "[%i1, %spin.pause]")
    if any(isinstance(statement, Product) for kernel in kernels for statement in walk(kernel.body)):
        parts.append(micro_kernels(tile, fp))
    texts = [KernelText(kernel, buffers, places, sizes, fp, tile) for kernel in kernels]
    parts += [text.text() for text in texts]
    parts.append(_program(texts, list(buffers), sizes, barriers))
    parts.append("declare void @lexgrad_yield()")
    return "\n\n".join(parts)


def _program(texts: Sequence[KernelText], buffers: list[str], sizes: Sequence[str], barriers: Sequence[bool]) -> str:
    width = len(buffers) + len(sizes)
    out = [
        "define void @program(ptr %table, i64 %steps, i64 %thread, i64 %threads, ptr %barrier) {",
        "entry:",
        "  br label %head",
        "head:",
        "  %step = phi i64 [0, %entry], [%next, %tail]",
        "  %more = icmp slt i64 %step, %steps",
        "  br i1 %more, label %body, label %exit",
        "body:",
        f"  %at = mul i64 %step, {width}",
        "  %row = getelementptr i64, ptr %table, i64 %at",
    ]
    for i, name in enumerate(buffers):
        out.append(f"  %Q.{name} = getelementptr i64, ptr %row, i64 {i}")
        out.append(f"  %B.{name} = load ptr, ptr %Q.{name}")
    for i, name in enumerate(sizes):
        out.append(f"  %Z.{name} = getelementptr i64, ptr %row, i64 {len(buffers) + i}")
        out.append(f"  %N.{name} = load i64, ptr %Z.{name}")
    for i, (text, meet) in enumerate(zip(texts, barriers, strict=True)):
        if meet:
            out.append("  call void @barrier(ptr %barrier, i64 %threads)")
        text.lines = []
        total = text.size(text.kernel.extent)
        out += [line.replace("%t", f"%x{i}.") for line in text.lines]
        total = total.replace("%t", f"%x{i}.")
        call = [
            "i64 %f{i}", "i64 %l{i}", *(f"ptr %B.{name}" for name in text.buffers), *(f"i64 %N.{name}" for name in sizes)
        ]  # fmt: skip
        arguments = ", ".join(call).replace("{i}", str(i))
        out += [
            f"  %a{i} = add i64 {total}, %threads",
            f"  %b{i} = sub i64 %a{i}, 1",
            f"  %c{i} = sdiv i64 %b{i}, %threads",
            f"  %big{i} = icmp sge i64 {total}, 256",
            f"  %grain{i} = select i1 %big{i}, i64 15, i64 0",
            f"  %d{i} = add i64 %c{i}, %grain{i}",
            f"  %not{i} = xor i64 %grain{i}, -1",
            f"  %share{i} = and i64 %d{i}, %not{i}",
            f"  %g{i} = mul i64 %share{i}, %thread",
            f"  %f{i} = call i64 @llvm.smin.i64(i64 %g{i}, i64 {total})",
            f"  %h{i} = add i64 %g{i}, %share{i}",
            f"  %l{i} = call i64 @llvm.smin.i64(i64 %h{i}, i64 {total})",
            f"  %some{i} = icmp slt i64 %f{i}, %l{i}",
            f"  br i1 %some{i}, label %run{i}, label %after{i}",
            f"run{i}:",
            f"  call void @{text.kernel.name}({arguments})",
            f"  br label %after{i}",
            f"after{i}:",
        ]
    out += [
        "  call void @barrier(ptr %barrier, i64 %threads)",
        "  br label %tail",
        "tail:",
        "  %next = add i64 %step, 1",
        "  br label %head",
        "exit:",
        "  ret void",
        "}",
    ]
    return "\n".join(out)
