"""Functions of one number as LLVM text: straight-line arithmetic without branches, so that loops of them vectorise.

fp32 functions are argument reduction and a polynomial, after Cody and Waite, "Software Manual for the Elementary
Functions" (1980): the coefficients are Taylor's on short intervals. Relative error is below 1e-6, as a test measures.
fp64 calls the platform's mathematics library.
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


def _exp() -> str:
    """exp(x) = 2^n exp(r), n = round(x / ln 2), |r| <= ln 2 / 2, and Taylor to the seventh power."""
    high, low = 0.693359375, math.log(2) - 0.693359375
    lines = [
        # 2^n is put together of two halves, so that results down to the smallest subnormal come out right.
        f"  %lo = call float @llvm.maximum.f32(float %x, float {float_text(-104.0)})",
        f"  %in = call float @llvm.minimum.f32(float %lo, float {float_text(89.0)})",
        f"  %t = fmul float %in, {float_text(1 / math.log(2))}",
        "  %n = call float @llvm.rint.f32(float %t)",
        "  %m = fneg float %n",
        f"  %r0 = call float @lg.fma(float %m, float {float_text(high)}, float %in)",
        f"  %r = call float @lg.fma(float %m, float {float_text(low)}, float %r0)",
    ]
    result = _polynomial(lines, "%r", [1 / math.factorial(k) for k in range(7, -1, -1)], "p")
    lines += [
        "  %i = call i32 @llvm.fptosi.sat.i32.f32(float %n)",
        "  %h = ashr i32 %i, 1",
        "  %g = sub i32 %i, %h",
        "  %ha = add i32 %h, 127",
        "  %ga = add i32 %g, 127",
        "  %hb = shl i32 %ha, 23",
        "  %gb = shl i32 %ga, 23",
        "  %hf = bitcast i32 %hb to float",
        "  %gf = bitcast i32 %gb to float",
        f"  %y0 = fmul float {result}, %hf",
        "  %y = fmul float %y0, %gf",
        "  ret float %y",
    ]
    return _function("exp", lines)


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
    """tanh(x) = x + x³ P(x²) for |x| < 0.625, else sign(x) (1 - 2 / (exp(2|x|) + 1)).

    P is the least-squares fit in Chebyshev points of (tanh(x) / x - 1) / x², computed here.
    """
    coefficients = _tanh_coefficients()
    lines = [
        "  %a = call float @llvm.fabs.f32(float %x)",
        "  %aa = fadd float %a, %a",
        "  %ex = call float @lg.exp(float %aa)",
        f"  %e1 = fadd float %ex, {float_text(1.0)}",
        f"  %q = fdiv float {float_text(2.0)}, %e1",
        f"  %far0 = fsub float {float_text(1.0)}, %q",
        "  %far = call float @llvm.copysign.f32(float %far0, float %x)",
        "  %w = fmul float %x, %x",
    ]
    series = _polynomial(lines, "%w", coefficients, "p")
    lines += [
        f"  %sw = fmul float {series}, %w",
        "  %near = call float @lg.fma(float %x, float %sw, float %x)",
        f"  %is = fcmp olt float %a, {float_text(0.625)}",
        "  %y = select i1 %is, float %near, float %far",
        "  ret float %y",
    ]
    return _function("tanh", lines)


def _tanh_coefficients() -> list[float]:
    import numpy as np

    points = (np.cos(np.pi * (np.arange(64) + 0.5) / 64) + 1) / 2 * 0.625**2
    x = np.sqrt(points)
    target = (np.tanh(x) / x - 1) / points
    fit: list[float] = (
        np.polynomial.chebyshev.Chebyshev.fit(points, target, 5).convert(kind=np.polynomial.Polynomial).coef.tolist()
    )
    return fit[::-1]


def _sigmoid() -> str:
    """1 / (1 + e) for x >= 0, else e / (1 + e), e = exp(-|x|): right down to the smallest numbers there are."""
    one = float_text(1.0)
    lines = [
        "  %a = call float @llvm.fabs.f32(float %x)",
        "  %m = fneg float %a",
        "  %e = call float @lg.exp(float %m)",
        f"  %d = fadd float %e, {one}",
        f"  %up = fcmp oge float %x, {float_text(0.0)}",
        f"  %n = select i1 %up, float {one}, float %e",
        "  %y = fdiv float %n, %d",
        "  ret float %y",
    ]
    return _function("sigmoid", lines)


def _softplus() -> str:
    """max(x, 0) + log1p(exp(-|x|)), log1p(u) = log(1 + u) + (u - ((1 + u) - 1)) / (1 + u)."""
    lines = [
        "  %a = call float @llvm.fabs.f32(float %x)",
        "  %m = fneg float %a",
        "  %u = call float @lg.exp(float %m)",
        f"  %v = fadd float %u, {float_text(1.0)}",
        "  %l = call float @lg.log(float %v)",
        f"  %back = fsub float %v, {float_text(1.0)}",
        "  %lost = fsub float %u, %back",
        "  %fix = fdiv float %lost, %v",
        "  %log1p = fadd float %l, %fix",
        f"  %p = call float @llvm.maximum.f32(float %x, float {float_text(0.0)})",
        "  %y = fadd float %p, %log1p",
        "  ret float %y",
    ]
    return _function("softplus", lines)


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


def functions(fp: str, fma: bool = True) -> str:
    """Definitions of every function that kernels call, for ``fp`` = ``"float"`` or ``"double"``.

    ``fma`` says whether the processor multiplies and adds in one instruction.
    """
    suffix = {"float": "f32", "double": "f64"}[fp]
    unary = ["exp", "log", "sin", "cos", "tanh", "rint", "fabs", "sqrt"]
    declared = [f"declare {fp} @llvm.{name}.{suffix}({fp})" for name in unary]
    declared += [
        f"declare {fp} @llvm.{name}.{suffix}({fp}, {fp})" for name in ("pow", "maximum", "minimum", "copysign")
    ]
    declared += [f"declare {fp} @llvm.fma.{suffix}({fp}, {fp}, {fp})"]
    declared += ["declare i32 @llvm.fptosi.sat.i32.f32(float)", f"declare i64 @llvm.fptosi.sat.i64.{suffix}({fp})"]
    if fp == "float":
        defined = [_exp(), _log(), _tanh(), _sigmoid(), _softplus()]
    else:
        defined = [_through_library(name, suffix, fp) for name in ("exp", "log", "tanh")]
        defined += [_sigmoid64(), _softplus64()]
    defined += [_through_library(name, suffix, fp) for name in ("sin", "cos")]
    return "\n".join([*declared, _multiply_add(fp, suffix, fma), *defined, _uniform(fp)])
