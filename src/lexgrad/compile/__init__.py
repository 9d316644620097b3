"""The compiler: fusion into loop nests, loop IR, memory, LLVM text, machine code, threads and the object cache."""

from lexgrad.compile.bound import Bound, Rows
from lexgrad.compile.compiled import Compiled, compile
from lexgrad.compile.fixed import Fixed
from lexgrad.compile.program import Program

__all__ = ["Bound", "Compiled", "Fixed", "Program", "Rows", "compile"]
