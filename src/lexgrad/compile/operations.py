"""The instructions of each operation on numbers: tables from an operation and the dtype of its operands to LLVM text.

Arithmetic on floats is what it says, operation by operation. Where LLVM may choose, as when it contracts a product and
a sum, it chooses differently for whole vectors and for what is left over, and results would depend on how work is
divided. Products and sums that become one instruction are put together in :mod:`lexgrad.compile.emit`; only the order
of the terms of a long sum is free. Integers wrap around, and a float that no integer is near becomes the nearest one
that there is: no value that a graph computes is undefined behaviour here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from lexgrad.compile.functions import float_text
from lexgrad.compile.loops import Apply
from lexgrad.compile.writer import Writer
from lexgrad.errors import LexgradError
from lexgrad.graph import DType

Rule: TypeAlias = Callable[[Writer, Sequence[str]], str]


def write_operation(w: Writer, expression: Apply, operands: Sequence[str]) -> str:
    """Write the instructions of an operation on LLVM values; returns the LLVM value of the result.

    Raises:
        LexgradError: there is no such operation for operands of that dtype.
    """
    name, result, kind = expression.operation, expression.dtype, expression.operands[0].dtype
    if name == "select":
        type = w.llvm(result)
        return w.put(f"select i1 {operands[0]}, {type} {operands[1]}, {type} {operands[2]}")
    if name == "cast":
        return _CASTS[kind, result](w, operands) if kind != result else operands[0]
    rule = _TABLES[kind].get(name)
    if rule is None:
        raise LexgradError(f"the compiler has no instruction for {name!r} on {kind}")
    return rule(w, operands)


def _plain(instruction: str) -> Rule:
    """An instruction with its type: ``add i64``; ``FP`` stands for the type of floats."""
    return lambda w, operands: w.put(f"{instruction.replace('FP', w.fp)} {', '.join(operands)}")


def _intrinsic(name: str, flags: str = "") -> Rule:
    """A function of floats that LLVM has, ``llvm.sqrt.f32``, and what it need not care for: the sign of 0, say."""
    return lambda w, x: w.put(
        f"call {flags}{w.fp} @llvm.{name}.{w.bits}({', '.join(f'{w.fp} {operand}' for operand in x)})"
    )


def _function(name: str) -> Rule:
    """A function of :mod:`lexgrad.compile.functions`."""
    return lambda w, x: w.put(f"call {w.fp} @lg.{name}({w.fp} {x[0]})")


def _fold_maximum(w: Writer, x: Sequence[str]) -> str:
    """The larger of what is largest so far and another number, or NaN; of zeros, either one.

    The other one comes first: LLVM takes the first where it is NaN. If that was what is in memory already, it would
    write the others alone, and a store of some entries of a vector takes far longer than one of all.
    """
    return _intrinsic("maximum", "nsz ")(w, (x[1], x[0]))


def _relu(w: Writer, x: Sequence[str]) -> str:
    return _intrinsic("maximum")(w, (x[0], float_text(0.0, w.fp)))


def _sign(w: Writer, x: Sequence[str]) -> str:
    one = _intrinsic("copysign")(w, (float_text(1.0, w.fp), x[0]))
    itself = w.put(f"fcmp ueq {w.fp} {x[0]}, {float_text(0.0, w.fp)}")  # 0 and NaN
    return w.put(f"select i1 {itself}, {w.fp} {x[0]}, {w.fp} {one}")


def _is_finite(w: Writer, x: Sequence[str]) -> str:
    return w.put(f"fcmp olt {w.fp} {_intrinsic('fabs')(w, x)}, {float_text(float('inf'), w.fp)}")


def _beats(w: Writer, x: Sequence[str]) -> str:
    """Whether x is larger than the best so far: NaN beats every number, and nothing beats NaN."""
    larger = w.put(f"fcmp ugt {w.fp} {x[0]}, {x[1]}")
    ordered = w.put(f"fcmp ord {w.fp} {x[1]}, {x[1]}")
    return w.put(f"and i1 {larger}, {ordered}")


def _int_sign(w: Writer, x: Sequence[str]) -> str:
    above = w.put(f"icmp sgt i64 {x[0]}, 0")
    below = w.put(f"ashr i64 {x[0]}, 63")
    return w.put(f"select i1 {above}, i64 1, i64 {below}")


def _bool_beats(w: Writer, x: Sequence[str]) -> str:
    return w.put(f"and i1 {x[0]}, {w.put(f'xor i1 {x[1]}, true')}")


def _spread(w: Writer, x: Sequence[str]) -> str:
    """A number from 0 up to x[1], 2^32 at most, that tells nothing of x[0]: Fibonacci hashing (Knuth, TAOCP 3, 6.4)."""
    mixed = w.put(f"mul i64 {x[0]}, {0x9E3779B97F4A7C15 - 2**64}")
    top = w.put(f"lshr i64 {mixed}, 32")
    return w.put(f"lshr i64 {w.put(f'mul i64 {top}, {x[1]}')}, 32")


def _int_function(call: str) -> Rule:
    return lambda w, x: w.put(f"call i64 @llvm.{call.format(*x)}")


_FLOAT: dict[str, Rule] = {
    "add": _plain("fadd FP"),
    "subtract": _plain("fsub FP"),
    "multiply": _plain("fmul FP"),
    "divide": _plain("fdiv FP"),
    "fold_add": _plain("fadd reassoc contract FP"),
    "negative": _plain("fneg FP"),
    "equal": _plain("fcmp oeq FP"),
    "not_equal": _plain("fcmp une FP"),
    "less": _plain("fcmp olt FP"),
    "less_equal": _plain("fcmp ole FP"),
    "greater": _plain("fcmp ogt FP"),
    "greater_equal": _plain("fcmp oge FP"),
    **{name: _intrinsic(name) for name in ("maximum", "minimum", "sqrt")},
    "absolute": _intrinsic("fabs"),
    "power": _intrinsic("pow"),
    **{name: _function(name) for name in ("exp", "log", "tanh", "sigmoid", "softplus", "sin", "cos")},
    "fold_maximum": _fold_maximum,
    "relu": _relu,
    "sign": _sign,
    "bf16": _function("bf16"),
    "is_finite": _is_finite,
    "beats": _beats,
}
_INT: dict[str, Rule] = {
    "add": _plain("add i64"),
    "subtract": _plain("sub i64"),
    "multiply": _plain("mul i64"),
    "floor_divide": _plain("sdiv i64"),
    "fold_add": _plain("add i64"),
    "negative": lambda w, x: w.put(f"sub i64 0, {x[0]}"),
    "equal": _plain("icmp eq i64"),
    "not_equal": _plain("icmp ne i64"),
    "less": _plain("icmp slt i64"),
    "less_equal": _plain("icmp sle i64"),
    "greater": _plain("icmp sgt i64"),
    "greater_equal": _plain("icmp sge i64"),
    "beats": _plain("icmp sgt i64"),
    "maximum": _int_function("smax.i64(i64 {0}, i64 {1})"),
    "fold_maximum": _int_function("smax.i64(i64 {0}, i64 {1})"),
    "minimum": _int_function("smin.i64(i64 {0}, i64 {1})"),
    "absolute": _int_function("abs.i64(i64 {0}, i1 false)"),
    "sign": _int_sign,
    "spread": _spread,
    "random_uniform": lambda w, x: w.put(f"call {w.fp} @lg.uniform(i64 {', i64 '.join(x)})"),
}
_BOOL: dict[str, Rule] = {
    "add": _plain("or i1"),  # as NumPy adds them
    "maximum": _plain("or i1"),
    "fold_maximum": _plain("or i1"),
    "logical_and": _plain("and i1"),
    "logical_or": _plain("or i1"),
    "logical_not": lambda w, x: w.put(f"xor i1 {x[0]}, true"),
    "equal": _plain("icmp eq i1"),
    "not_equal": _plain("icmp ne i1"),
    "less": _plain("icmp ult i1"),
    "less_equal": _plain("icmp ule i1"),
    "greater": _plain("icmp ugt i1"),
    "greater_equal": _plain("icmp uge i1"),
    "beats": _bool_beats,
}
_TABLES: dict[DType, dict[str, Rule]] = {"float": _FLOAT, "int": _INT, "bool": _BOOL}
_CASTS: dict[tuple[DType, DType], Rule] = {
    ("int", "float"): lambda w, x: w.put(f"sitofp i64 {x[0]} to {w.fp}"),
    ("bool", "float"): lambda w, x: w.put(f"uitofp i1 {x[0]} to {w.fp}"),
    ("bool", "int"): lambda w, x: w.put(f"zext i1 {x[0]} to i64"),
    ("float", "int"): lambda w, x: w.put(f"call i64 @llvm.fptosi.sat.i64.{w.bits}({w.fp} {x[0]})"),
    ("float", "bool"): lambda w, x: w.put(f"fcmp une {w.fp} {x[0]}, {float_text(0.0, w.fp)}"),
    ("int", "bool"): lambda w, x: w.put(f"icmp ne i64 {x[0]}, 0"),
}
