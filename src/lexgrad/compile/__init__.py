"""The compiler: fusion into loop nests, loop IR, memory, LLVM text, machine code, threads and the object cache."""

from lexgrad.compile.compiled import Compiled, compile
from lexgrad.compile.program import Program

__all__ = ["Compiled", "Program", "compile"]
