"""Functions of one number as LLVM text: straight-line arithmetic without branches, so that loops of them vectorise.

fp32 functions are argument reduction, after Cody and Waite, "Software Manual for the Elementary Functions" (1980), and
a polynomial or a quotient of two. Where no series is named, coefficients are those of the least relative error that
reweighted least squares finds (Lawson, "Contributions to the theory of linear least maximum approximation", 1961).
Relative error is below 1e-6, as a test measures. fp64 calls the platform's mathematics library.
"""

from __future__ import annotations

import math
import struct


def float_text(value: float, fp: str = "float") -> str:
    """A floating-point literal as LLVM reads it: the bits of a double in hexadecimal."""
    if fp == "float":
        value = _nearest_float(value)
    return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"


def _nearest_float(value: float) -> float:
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


def _polynomial(lines: list[str], x: str, coefficients: list[float], name: str) -> str:
    """Horner's rule, highest power first."""
    current = float_text(coefficients[0])
    for i, coefficient in enumerate(coefficients[1:]):
        lines.append(f"  %{name}{i} = call float @lg.fma(float {current}, float {x}, float {float_text(coefficient)})")
        current = f"%{name}{i}"
    return current


_ROUND = 12582912.0  # 1.5 * 2^23: a small number added to it is rounded to an integer, in the lowest bits


def _bound(lines: list[str], name: str, x: str, comparison: str, bound: float) -> str:
    """``x``, or ``bound`` where ``bound comparison x``; NaN stays NaN, in one instruction where there is such a one."""
    limit = float_text(bound)
    lines += [
        f"  %{name}c = fcmp {comparison} float {limit}, {x}",
        f"  %{name} = select i1 %{name}c, float {limit}, float {x}",
    ]
    return f"%{name}"


def _exp(scales: bool) -> str:
    """exp(x) = 2^n exp(r), n = round(x / ln 2), |r| <= ln 2 / 2, and a polynomial of the fifth power, 1 at 0.

    2^n is one instruction where the processor ``scales`` by powers of two; else it is put together of two halves, so
    that results down to the smallest subnormal come out right.
    """
    high, low = 0.693359375, math.log(2) - 0.693359375
    lines: list[str] = []
    above = _bound(lines, "lo", "%x", "ogt", -104.0)
    bounded = _bound(lines, "in", above, "olt", 89.0)
    lines += [
        f"  %t = call float @lg.fma(float {bounded}, float {float_text(1 / math.log(2))}, float {float_text(_ROUND)})",
        f"  %n = fsub float %t, {float_text(_ROUND)}",
        "  %m = fneg float %n",
        f"  %r0 = call float @lg.fma(float %m, float {float_text(high)}, float %in)",
        f"  %r = call float @lg.fma(float %m, float {float_text(low)}, float %r0)",
    ]
    result = _polynomial(lines, "%r", [0.008290272, 0.041898161, 0.166676387, 0.499991477, 0.999999702, 1.0], "p")
    lines += [
        "  %b = bitcast float %t to i32",
        f"  %i = sub i32 %b, {struct.unpack('<i', struct.pack('<f', _ROUND))[0]}",
    ]
    if scales:
        lines += [f"  %y = call float @llvm.ldexp.f32.i32(float {result}, i32 %i)"]
    else:
        lines += [
            "  %h = ashr i32 %i, 1",
            "  %g = sub i32 %i, %h",
            "  %hs = shl i32 %h, 23",
            "  %gs = shl i32 %g, 23",
            "  %hb = add i32 %hs, 1065353216",  # the bits of 1
            "  %gb = add i32 %gs, 1065353216",
            "  %hf = bitcast i32 %hb to float",
            "  %gf = bitcast i32 %gb to float",
            f"  %y0 = fmul float {result}, %hf",
            "  %y = fmul float %y0, %gf",
        ]
    return _function("exp", [*lines, "  ret float %y"])


def _log() -> str:
    """log(x) = e ln 2 + 2 artanh(s), x = 2^e m, m in [sqrt(1/2), sqrt(2)), s = (m - 1) / (m + 1)."""
    lines = [
        f"  %small = fcmp olt float %x, {float_text(2.0**-126)}",
        f"  %xs = fmul float %x, {float_text(2.0**25)}",
        "  %z = select i1 %small, float %xs, float %x",
        "  %b = bitcast float %z to i32",
        "  %b1 = sub i32 %b, 1060439283",  # the bits of sqrt(1/2)
        "  %e0 = ashr i32 %b1, 23",
        "  %eb = shl i32 %e0, 23",
        "  %mb = sub i32 %b, %eb",
        "  %m = bitcast i32 %mb to float",
        "  %e1 = sub i32 %e0, 25",
        "  %e2 = select i1 %small, i32 %e1, i32 %e0",
        "  %e = sitofp i32 %e2 to float",
        f"  %num = fsub float %m, {float_text(1.0)}",
        f"  %den = fadd float %m, {float_text(1.0)}",
        "  %s = fdiv float %num, %den",
        "  %w = fmul float %s, %s",
    ]
    series = _polynomial(lines, "%w", [2.0 / k for k in (11, 9, 7, 5, 3)], "p")
    lines += [
        f"  %sw = fmul float {series}, %w",
        "  %two = fadd float %s, %s",
        "  %tail = call float @lg.fma(float %s, float %sw, float %two)",
        f"  %low = call float @lg.fma(float %e, float {float_text(math.log(2) - 0.693359375)}, float %tail)",
        f"  %y = call float @lg.fma(float %e, float {float_text(0.693359375)}, float %low)",
        f"  %inf = fcmp oeq float %x, {float_text(math.inf)}",
        f"  %y1 = select i1 %inf, float {float_text(math.inf)}, float %y",
        f"  %nul = fcmp oeq float %x, {float_text(0.0)}",
        f"  %y2 = select i1 %nul, float {float_text(-math.inf)}, float %y1",
        f"  %bad = fcmp ult float %x, {float_text(0.0)}",
        f"  %y3 = select i1 %bad, float {float_text(math.nan)}, float %y2",
        "  ret float %y3",
    ]
    return _function("log", lines)


def _tanh() -> str:
    """tanh(x) = x P(x²) / Q(x²) for |x| < 9.01, where it reaches 1; never beyond."""
    lines: list[str] = []
    above = _bound(lines, "lo", "%x", "ogt", -9.01)
    x = _bound(lines, "in", above, "olt", 9.01)
    lines += [f"  %w = fmul float {x}, {x}"]
    p = _polynomial(lines, "%w", [1.34020671e-8, 2.06485565e-5, 0.00349822803, 0.133833349, 1.0], "p")
    q = _polynomial(lines, "%w", [7.79749598e-7, 3.28977971e-4, 0.0258872882, 0.467166573, 1.0], "q")
    lines += [f"  %xp = fmul float {x}, {p}", f"  %z = fdiv float %xp, {q}"]
    over = _bound(lines, "y0", "%z", "ogt", -1.0)
    y = _bound(lines, "y", over, "olt", 1.0)
    return _function("tanh", [*lines, f"  ret float {y}"])


def _sigmoid() -> str:
    """e / (1 + e), e = exp(x), for x <= 88, where it is 1: right down to the smallest numbers there are."""
    lines: list[str] = []
    x = _bound(lines, "in", "%x", "olt", 88.0)
    lines += [
        f"  %e = call float @lg.exp(float {x})",
        f"  %d = fadd float %e, {float_text(1.0)}",
        "  %y = fdiv float %e, %d",
        "  ret float %y",
    ]
    return _function("sigmoid", lines)


def _softplus() -> str:
    """max(x, 0) + log1p(u), u = exp(-|x|) <= 1; log1p(u) = 2 artanh(s / 2) = s + s³ P(s²), s = 2 u / (2 + u)."""
    lines = [
        "  %a = call float @llvm.fabs.f32(float %x)",
        "  %m = fneg float %a",
        "  %u = call float @lg.exp(float %m)",
        "  %uu = fadd float %u, %u",
        f"  %d = fadd float %u, {float_text(2.0)}",
        "  %s = fdiv float %uu, %d",
        "  %w = fmul float %s, %s",
    ]
    series = _polynomial(lines, "%w", [5.47352713e-4, 0.00218743295, 0.0125067811, 0.0833330154], "p")
    lines += [
        f"  %sw = fmul float {series}, %w",
        "  %log1p = call float @lg.fma(float %s, float %sw, float %s)",
    ]
    positive = _bound(lines, "p", "%x", "ogt", 0.0)
    return _function("softplus", [*lines, f"  %y = fadd float {positive}, %log1p", "  ret float %y"])


def _bf16() -> str:
    """The nearest number that bf16 has, the even one of two: half of the last bit that stays is added to the others."""
    lines = [
        "  %u = bitcast float %x to i32",
        "  %t = lshr i32 %u, 16",
        "  %odd = and i32 %t, 1",
        "  %half = add i32 %odd, 32767",
        "  %sum = add i32 %u, %half",
        "  %top = and i32 %sum, -65536",
        "  %nan = fcmp uno float %x, %x",
        "  %r = select i1 %nan, i32 2143289344, i32 %top",
        "  %y = bitcast i32 %r to float",
        "  ret float %y",
    ]
    return _function("bf16", lines)


def _function(name: str, lines: list[str], fp: str = "float") -> str:
    return "\n".join([f"define internal {fp} @lg.{name}({fp} %x) alwaysinline {{", *lines, "}"])


def _through_library(name: str, suffix: str, fp: str) -> str:
    return _function(name, [f"  %y = call {fp} @llvm.{name}.{suffix}({fp} %x)", f"  ret {fp} %y"], fp)


def _sigmoid64() -> str:
    one = float_text(1.0, "double")
    lines = [
        "  %a = call double @llvm.fabs.f64(double %x)",
        "  %m = fneg double %a",
        "  %e = call double @llvm.exp.f64(double %m)",
        f"  %d = fadd double %e, {one}",
        f"  %up = fcmp oge double %x, {float_text(0.0, 'double')}",
        f"  %n = select i1 %up, double {one}, double %e",
        "  %y = fdiv double %n, %d",
        "  ret double %y",
    ]
    return _function("sigmoid", lines, "double")


def _softplus64() -> str:
    lines = [
        "  %a = call double @llvm.fabs.f64(double %x)",
        "  %m = fneg double %a",
        "  %u = call double @llvm.exp.f64(double %m)",
        f"  %v = fadd double %u, {float_text(1.0, 'double')}",
        "  %l = call double @llvm.log.f64(double %v)",
        f"  %back = fsub double %v, {float_text(1.0, 'double')}",
        "  %lost = fsub double %u, %back",
        "  %fix = fdiv double %lost, %v",
        "  %log1p = fadd double %l, %fix",
        f"  %p = call double @llvm.maximum.f64(double %x, double {float_text(0.0, 'double')})",
        "  %y = fadd double %p, %log1p",
        "  ret double %y",
    ]
    return _function("softplus", lines, "double")


def _uniform(fp: str) -> str:
    """Philox 2x32-10 as :mod:`lexgrad.ops.random` defines it."""
    lines = ["  %l0 = and i64 %position, 4294967295", "  %r0 = and i64 %step, 4294967295"]
    for i in range(10):
        lines += [
            f"  %k{i} = add i64 %key, {(0x9E3779B9 * i) & 0xFFFFFFFF}",
            f"  %c{i} = and i64 %k{i}, 4294967295",
            f"  %w{i} = mul i64 %l{i}, {0xD256D193}",
            f"  %h{i} = lshr i64 %w{i}, 32",
            f"  %x{i} = xor i64 %h{i}, %c{i}",
            f"  %l{i + 1} = xor i64 %x{i}, %r{i}",
            f"  %r{i + 1} = and i64 %w{i}, 4294967295",
        ]
    lines += [
        "  %top = lshr i64 %l10, 8",
        "  %short = trunc i64 %top to i32",
        f"  %f = uitofp i32 %short to {fp}",
        f"  %y = fmul {fp} %f, {float_text(2.0**-24, fp)}",
        f"  ret {fp} %y",
    ]
    head = f"define internal {fp} @lg.uniform(i64 %key, i64 %step, i64 %position) alwaysinline {{"
    return "\n".join([head, *lines, "}"])


def _multiply_add(fp: str, suffix: str, fma: bool) -> str:
    """x y + z: in one instruction, or in two where a processor has no such thing."""
    lines = [f"  %m = fmul {fp} %x, %y", f"  %r = fadd {fp} %m, %z"]
    if fma:
        lines = [f"  %r = call {fp} @llvm.fma.{suffix}({fp} %x, {fp} %y, {fp} %z)"]
    head = f"define internal {fp} @lg.fma({fp} %x, {fp} %y, {fp} %z) alwaysinline {{"
    return "\n".join([head, *lines, f"  ret {fp} %r", "}"])


def functions(fp: str, fma: bool = True, scales: bool = False) -> str:
    """Definitions of every function that kernels call, for ``fp`` = ``"float"`` or ``"double"``.

    ``fma`` says whether the processor multiplies and adds in one instruction, ``scales`` whether it multiplies by a
    power of two in one.
    """
    suffix = {"float": "f32", "double": "f64"}[fp]
    unary = ["exp", "log", "sin", "cos", "tanh", "rint", "fabs", "sqrt"]
    declared = [f"declare {fp} @llvm.{name}.{suffix}({fp})" for name in unary]
    declared += [
        f"declare {fp} @llvm.{name}.{suffix}({fp}, {fp})" for name in ("pow", "maximum", "minimum", "copysign")
    ]
    declared += [f"declare {fp} @llvm.fma.{suffix}({fp}, {fp}, {fp})"]
    declared += ["declare float @llvm.ldexp.f32.i32(float, i32)", f"declare i64 @llvm.fptosi.sat.i64.{suffix}({fp})"]
    if fp == "float":
        defined = [_exp(scales), _log(), _tanh(), _sigmoid(), _softplus(), _bf16()]
    else:
        defined = [_through_library(name, suffix, fp) for name in ("exp", "log", "tanh")]
        defined += [_sigmoid64(), _softplus64()]
    defined += [_through_library(name, suffix, fp) for name in ("sin", "cos")]
    return "\n".join([*declared, _multiply_add(fp, suffix, fma), *defined, _uniform(fp)])
