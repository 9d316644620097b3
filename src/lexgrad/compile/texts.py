"""The LLVM functions of a program's kernels; those that do the same to other buffers are one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lexgrad.compile.emit import KernelText
from lexgrad.compile.loops import Kernel
from lexgrad.compile.packing import Format
from lexgrad.compile.products import MicroKernels
from lexgrad.compile.writer import Stored

_BUFFER = re.compile(r"%B\.(\w+)")


@dataclass
class Texts:
    """The functions of kernels, and what all of them go by.

    Attributes:
        dtypes: of every buffer.
        places: what memory each buffer is in; buffers of one place become one pointer, so that LLVM knows of every
            dependence between them.
        sizes: the named sizes, which every kernel is given.
        kernels: the micro-kernels of matrix products.
        format: how operands of matrix products are packed.
        texts: the functions so far.
        scratch_bytes: how much scratch memory each thread needs.
    """

    dtypes: Mapping[str, Stored]
    places: Mapping[str, object]
    sizes: Sequence[str]
    kernels: MicroKernels
    format: Format
    texts: list[str] = field(default_factory=list)
    scratch_bytes: int = 0
    _names: dict[str, str] = field(default_factory=dict)

    def write(self, kernel: Kernel) -> KernelText:
        """Write a kernel, unless another one before it does the same: then it has that one's function."""
        text = KernelText(kernel, self)
        definition = text.definition()
        numbers = {name: f"%B.{number}" for number, name in enumerate(text.buffers)}
        does = _BUFFER.sub(lambda found: numbers.get(found[1], found[0]), definition)
        text.function = self._names.setdefault(does, kernel.name)
        if text.function == kernel.name:
            self.texts.append(f"define internal void @{kernel.name}{definition}")
        self.scratch_bytes = max(self.scratch_bytes, text.scratch_bytes)
        return text
