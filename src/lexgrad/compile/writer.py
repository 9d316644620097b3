"""A function of LLVM text while it is being written: instructions, names for their results, blocks and loops."""

from __future__ import annotations

from typing import Literal, TypeAlias

from lexgrad.graph import Dim, DType, Size

Stored: TypeAlias = DType | Literal["half", "panels"]
"""How entries of a buffer are stored: as the values of a dtype, or floats as bf16 or in panels."""


def size_name(name: str) -> str:
    """The LLVM value that holds a named size; a name may have any letters."""
    return f"%N.{name}" if name.isascii() else f'%"N.{name}"'


_LONGEST_UNROLLED = 1500  # of longer loops, LLVM makes no straight-line code
LOOP_HINTS = "\n".join(
    [
        *(f"!{i} = distinct !{{!{i}, !4, !{5 + i}}}" for i in range(3)),
        "!3 = distinct !{!3, !4}",
        '!4 = !{!"llvm.loop.unroll.disable"}',
        *(f'!{5 + i} = !{{!"llvm.loop.interleave.count", i32 {2**i}}}' for i in range(3)),
    ]
)
"""What hints stand for: loops that are not unrolled, and use 1, 2 or 4 vectors at a time, or as many as LLVM likes."""

NOT_UNROLLED = ", !llvm.loop !3"
"""The hint for a loop of many turns: straight-line code of it takes long to compile, and is no faster."""


def loop_hint(terms: int) -> str:
    """What to tell LLVM of the loop of a sum: see :class:`lexgrad.compile.loops.Loop`."""
    if not 0 < terms <= _LONGEST_UNROLLED:
        return NOT_UNROLLED
    return f", !llvm.loop !{0 if terms < 64 else 1 if terms < 128 else 2}"


class Writer:
    """Instructions of one function.

    Args:
        fp: the LLVM type of floats, ``"float"`` or ``"double"``.

    Attributes:
        bits: the suffix of LLVM's functions for ``fp``.
        lines: what has been written.
        slots: stack memory, which has to be asked for in the first block.
        label: the block that is being written.
        locals: the LLVM value of each loop variable and local.
        named: that of a named size which is another for a while.
    """

    def __init__(self, fp: str) -> None:
        self.fp = fp
        self.bits = {"float": "f32", "double": "f64"}[fp]
        self.lines: list[str] = []
        self.slots: list[str] = []
        self.label = "entry"
        self.locals: dict[str, str] = {}
        self.named: dict[str, str] = {}
        self._count = 0
        self._open: list[int] = []

    def llvm(self, dtype: DType) -> str:
        """The LLVM type of a value."""
        return {"float": self.fp, "int": "i64", "bool": "i1"}[dtype]

    def memory(self, stored: Stored) -> str:
        """The LLVM type of an entry of a buffer."""
        return {"float": self.fp, "half": "i16", "panels": self.fp, "int": "i64", "bool": "i8"}[stored]

    def number(self) -> int:
        """A number that no name has yet."""
        self._count += 1
        return self._count

    def put(self, instruction: str) -> str:
        """Write an instruction and return the name of its result."""
        name = f"%t{self.number()}"
        self.lines.append(f"  {name} = {instruction}")
        return name

    def do(self, instruction: str) -> None:
        """Write an instruction that has no result."""
        self.lines.append(f"  {instruction}")

    def size(self, size: Size) -> str:
        """The LLVM value of a size: a number, or arithmetic on named sizes."""
        if not isinstance(size, Dim):
            return str(size)
        total = "0"
        for monomial, coefficient in size.terms:
            term = str(coefficient)
            for name in monomial:
                value = self.size_value(name)
                term = value if term == "1" else self.put(f"mul nsw i64 {term}, {value}")
            total = term if total == "0" else self.put(f"add nsw i64 {total}, {term}")
        return total

    def size_value(self, name: str) -> str:
        """The LLVM value of a named size."""
        return self.named.get(name, size_name(name))

    def block(self, label: str) -> None:
        """Begin a block."""
        self.lines.append(f"{label}:")
        self.label = label

    def slot(self, type: str) -> str:
        """Stack memory for a value of an LLVM type, aligned to a cache line."""
        name = f"%t{self.number()}"
        self.slots.append(f"  {name} = alloca {type}, align 64")
        return name

    def begin(self, name: str, start: str, stop: str, step: str = "1") -> None:
        """Begin the loop ``for name in range(start, stop, step)``; what is written next is its body."""
        number, before = self.number(), self.label
        self.do(f"br label %head{number}")
        self.block(f"head{number}")
        variable = f"%i{number}"
        self.do(f"{variable} = phi i64 [{start}, %{before}], [%n{number}, %latch{number}]")
        go = self.put(f"icmp slt i64 {variable}, {stop}")
        self.do(f"br i1 {go}, label %body{number}, label %exit{number}")
        self.block(f"body{number}")
        self.locals[name] = variable
        self._open.append(number)

    def end(self, step: str = "1", hint: str = "") -> None:
        """End the innermost loop; ``hint`` is what LLVM is told about it."""
        number = self._open.pop()
        self.do(f"br label %latch{number}")
        self.block(f"latch{number}")
        self.do(f"%n{number} = add nsw i64 %i{number}, {step}")
        self.do(f"br label %head{number}{hint}")
        self.block(f"exit{number}")
