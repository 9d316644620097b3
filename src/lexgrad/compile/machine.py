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
        """The instruction for waiting in a loop."""
        if self.triple.startswith("x86_64"):
            return '  call void asm sideeffect "pause", ""()'
        return '  call void asm sideeffect "yield", ""()' if self.triple.startswith(("aarch64", "arm64")) else ""


@functools.cache
def host() -> Processor:
    """The processor that this runs on; ``LEXGRAD_CPU=avx2`` or ``portable`` switches features off."""
    _initialise()
    features = dict(llvm.get_host_cpu_features())
    triple = llvm.get_process_triple()
    cpu = llvm.get_host_cpu_name()
    limit = os.environ.get("LEXGRAD_CPU", "")
    if limit:
        features = {
            name: on
            and not name.startswith("avx512")
            and (limit == "avx2" or not name.startswith(("avx", "fma", "f16c")))
            for name, on in features.items()
        }
        cpu = "x86-64" if triple.startswith("x86_64") else "generic"
    flat = ",".join(f"{'+' if on else '-'}{name}" for name, on in sorted(features.items()))
    if triple.startswith("x86_64"):
        bits = 512 if features.get("avx512f") else 256 if features.get("avx2") else 128
        extra = ",-prefer-256-bit" if bits == 512 else ""
        return Processor(triple, cpu, flat + extra, bits, 32 if bits == 512 else 16)
    return Processor(triple, cpu, flat, 128, 32)


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
    options = llvm.create_pipeline_tuning_options(speed_level=3)
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


class Loaded:
    """An object file in memory, linked and callable."""

    def __init__(self, code: bytes, processor: Processor) -> None:
        machine = target_machine(processor)
        self.engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
        self.engine.add_object_file(llvm.object_file.ObjectFileRef.from_data(code))
        self.engine.finalize_object()

    def function(self, name: str, *types: Any) -> Callable[..., None]:
        """A function by name, with its ctypes argument types; calling it releases the interpreter's lock."""
        address = self.engine.get_function_address(name)
        return ctypes.CFUNCTYPE(None, *types)(address)
