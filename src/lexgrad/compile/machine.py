"""The machine: what the processor has, and from LLVM text to code that can be called."""

from __future__ import annotations

import ctypes
import functools
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import llvmlite.binding as llvm

from lexgrad.errors import InputError, suggest
from lexgrad.version import __version__


@dataclass(frozen=True)
class Processor:
    """What code is generated for.

    Attributes:
        triple: LLVM's name of platform and processor family.
        cpu: LLVM's name of the processor.
        features: LLVM's feature string, ``+avx2,-avx512f…``.
        vector_bits: width of a vector register.
        registers: how many of them.
    """

    triple: str
    cpu: str
    features: str
    vector_bits: int
    registers: int

    @property
    def pause(self) -> str:
        """The instruction for waiting in a loop, if there is one: what it calls."""
        if self.triple.startswith("x86_64"):
            return "llvm.x86.sse2.pause()"
        return "llvm.aarch64.hint(i32 1)" if self.triple.startswith(("aarch64", "arm64")) else ""

    @property
    def fma(self) -> bool:
        """Whether it multiplies and adds in one instruction, with one rounding."""
        return not self.triple.startswith("x86_64") or "+fma" in self.features.split(",") or self.cpu == "x86-64-v3"

    def has(self, *features: str) -> bool:
        """Whether it has all these features, by LLVM's names."""
        own = self.features.split(",")
        return all(f"+{feature}" in own for feature in features)

    @property
    def scales(self) -> bool:
        """Whether it multiplies by a power of two in one instruction, of whole vectors too."""
        return "+avx512f" in self.features.split(",")

    @property
    def here(self) -> bool:
        """Whether its code can run in this process."""
        return bool(self.triple == llvm.get_process_triple())


LIMITS = ("", "avx2", "portable")
"""What ``LEXGRAD_CPU`` may say: everything the processor has, nothing beyond AVX2, or only what every one has."""

PLATFORMS = {
    "aarch64-apple-darwin": ("apple-m1", "+neon"),
    "aarch64-unknown-linux-gnu": ("generic", "+neon"),
    "x86_64-pc-windows-msvc": ("x86-64-v3", ""),
    "x86_64-unknown-linux-gnu": ("x86-64-v3", ""),
    "x86_64-apple-darwin": ("x86-64-v3", ""),
}
"""Platforms that code can be generated for elsewhere: LLVM's triple, and the processor and features to assume."""


def host() -> Processor:
    """The processor that this runs on; ``LEXGRAD_CPU=avx2`` or ``portable`` switches features off.

    Raises:
        InputError: ``LEXGRAD_CPU`` says something else.
    """
    return limited(os.environ.get("LEXGRAD_CPU", ""))


@functools.cache
def limited(limit: str) -> Processor:
    """The processor that this runs on without the features that ``limit`` excludes, one of ``LIMITS``.

    Raises:
        InputError: there is no such limit.
    """
    if limit not in LIMITS:
        raise InputError(f"LEXGRAD_CPU is one of {', '.join(filter(None, LIMITS))}; got {limit!r}")
    _initialise()
    triple = llvm.get_process_triple()
    features: dict[str, bool] = dict(llvm.get_host_cpu_features()) if limit != "portable" else {}
    cpu = llvm.get_host_cpu_name()
    if limit:
        cpu = "x86-64" if triple.startswith("x86_64") else "generic"
        features = {name: on and not name.startswith(_BEYOND_AVX2) for name, on in features.items()}
    flat = ",".join(f"{'+' if on else '-'}{name}" for name, on in sorted(features.items()))
    if not triple.startswith("x86_64"):
        return Processor(triple, cpu, flat, 128, 32)
    bits = 512 if features.get("avx512f") else 256 if features.get("avx2") else 128
    extra = ",-prefer-256-bit" if bits == 512 else ""
    return Processor(triple, cpu, flat + extra, bits, 32 if bits == 512 else 16)


_BEYOND_AVX2 = ("avx512", "avx10", "amx", "evex")


def elsewhere(triple: str) -> Processor:
    """A processor of another platform, one of ``PLATFORMS``: code for it can be generated here, but not run.

    Raises:
        InputError: there is no such platform.
    """
    if triple not in PLATFORMS:
        raise InputError(f"a platform is one of {', '.join(PLATFORMS)}; got {triple!r}{suggest(triple, PLATFORMS)}")
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    cpu, features = PLATFORMS[triple]
    arm = triple.startswith("aarch64")
    return Processor(triple, cpu, features, 128 if arm else 256, 32 if arm else 16)


@functools.cache
def _initialise() -> None:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    llvm.initialize_native_asmparser()
    llvm.add_symbol("lexgrad_yield", ctypes.cast(_yield_function(), ctypes.c_void_p).value)


def _yield_function() -> Any:
    if sys.platform == "win32":
        return ctypes.WinDLL("kernel32").SwitchToThread
    return ctypes.CDLL(None).sched_yield


@functools.cache
def tiles_permitted() -> bool:
    """Ask the system for AMX's tile registers; Linux wants to be asked once a process, and may refuse."""
    if sys.platform != "linux":
        return False
    arch_prctl, request, tile_data = 158, 0x1023, 18
    return bool(ctypes.CDLL(None, use_errno=True).syscall(arch_prctl, request, tile_data) == 0)


def target_machine(processor: Processor) -> Any:
    """LLVM's code generator for a processor."""
    _initialise()
    target = llvm.Target.from_triple(processor.triple)
    return target.create_target_machine(
        cpu=processor.cpu, features=processor.features, opt=3, reloc="pic", codemodel="jitdefault"
    )


def optimise(text: str, processor: Processor) -> Any:
    """Parse, verify and optimise LLVM text; returns the module."""
    machine = target_machine(processor)
    module = llvm.parse_assembly(text)
    module.triple = processor.triple
    module.data_layout = str(machine.target_data)
    module.verify()
    # The third level takes a tenth more time, and makes no program faster.
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    options.loop_vectorization = True
    options.slp_vectorization = True
    options.loop_unrolling = True
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    return module


def object_code(text: str, processor: Processor) -> bytes:
    """LLVM text as an object file."""
    code: bytes = target_machine(processor).emit_object(optimise(text, processor))
    return code


def assembly(text: str, processor: Processor) -> str:
    """LLVM text as the text of machine code."""
    code: str = target_machine(processor).emit_assembly(optimise(text, processor))
    return code


def llvm_version() -> str:
    """The version of LLVM that generates the code."""
    return ".".join(map(str, llvm.llvm_version_info))


def signature(processor: Processor) -> str:
    """What machine code depends on, beside what it was made of: versions, and the processor."""
    return "\n".join([__version__, llvm_version(), repr(processor)])


class Loaded:
    """An object file in memory, linked and callable."""

    def __init__(self, code: bytes, processor: Processor) -> None:
        machine = target_machine(processor)
        self.engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
        self.engine.add_object_file(llvm.object_file.ObjectFileRef.from_data(code))
        self.engine.finalize_object()

    def function(self, name: str, *types: Any, returns: Any = None) -> Callable[..., Any]:
        """A function by name, with its ctypes argument types; calling it releases the interpreter's lock."""
        found = ctypes.CFUNCTYPE(returns, *types)(self.engine.get_function_address(name))
        found.loaded = self  # type: ignore[attr-defined]  # the machine code is there as long as this is
        return found
