"""Memory: which buffers share a place, decided by when they are last read, and where threads have to meet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lexgrad.compile.arrays import ALIGNMENT
from lexgrad.compile.loops import Access, Kernel
from lexgrad.graph import Dim, Node, Size, resolve


@dataclass
class Memory:
    """Where buffers lie.

    Attributes:
        slots: for each scratch buffer the number of its slot; buffers of one slot are never alive together.
        sizes: for each slot the sizes, in entries, of the buffers that use it, with their bytes an entry.
    """

    slots: dict[str, int] = field(default_factory=dict)
    sizes: list[list[tuple[Size, int]]] = field(default_factory=list)

    def layout(self, named: Mapping[str, Any]) -> tuple[list[int], int]:
        """The byte offset of each slot, and the bytes of all of them, for given named sizes.

        A size is a number, or an array of numbers, one for each of many steps, and there is room for every one.
        """
        offsets, total = [], 0
        for uses in self.sizes:
            offsets.append(total)
            largest = max(int(np.max(resolve(size, named))) * width for size, width in uses)
            total += -(-largest // ALIGNMENT) * ALIGNMENT
        return offsets, total


def plan(kernels: Sequence[Kernel], scratch: Mapping[str, Node], widths: Mapping[str, int]) -> Memory:
    """Give every scratch buffer a slot.

    A buffer is alive from the kernel that writes it to the last that reads it. It takes over the slot of a buffer
    that has died, of the same size where there is one; also that of an operand which dies in this very kernel, if the
    kernel goes entry by entry.

    Args:
        kernels: in the order in which they run.
        scratch: the buffers to place, and their nodes.
        widths: bytes an entry, by buffer.
    """
    last = {access.buffer: i for i, kernel in enumerate(kernels) for access in (*kernel.reads, *kernel.writes)}
    memory = Memory()
    free: list[int] = []
    alive: list[str] = []
    for i, kernel in enumerate(kernels):
        dead = [name for name in alive if last[name] < i]
        ending = [access.buffer for access in kernel.reads if access.exact and last[access.buffer] == i]
        for name in dead:
            free.append(memory.slots[name])
            alive.remove(name)
        for access in kernel.writes:
            if access.buffer not in scratch or access.buffer in memory.slots:
                continue
            size, width = scratch[access.buffer].type.size, widths[access.buffer]
            # In the place of an operand: only what a kernel writes last, when all has been read.
            inplace = [
                memory.slots[name]
                for name in ending
                if access is kernel.writes[-1]
                and name in alive
                and (scratch[name].type.size, widths[name]) == (size, width)
            ]
            slot = inplace[0] if inplace else _best(memory, free, size, width)
            if inplace:
                alive = [name for name in alive if memory.slots[name] != slot]
            memory.slots[access.buffer] = slot
            memory.sizes[slot].append((size, width))
            alive.append(access.buffer)
    return memory


def _best(memory: Memory, free: list[int], size: Size, width: int) -> int:
    """A free slot of this very size, else the closest known one that is large enough, else a new one."""
    same = [slot for slot in free if (size, width) in memory.sizes[slot]]
    if not same and not isinstance(size, Dim):
        fits = {slot: _known_bytes(memory.sizes[slot]) for slot in free}
        same = [
            slot for slot, n in sorted(fits.items(), key=lambda item: item[1]) if size * width <= n <= 4 * size * width
        ]
    if same:
        free.remove(same[0])
        return same[0]
    memory.sizes.append([])
    return len(memory.sizes) - 1


def _known_bytes(uses: Sequence[tuple[Size, int]]) -> int:
    return max((size * width if isinstance(size, int) else -1) for size, width in uses) if uses else -1


def barriers(kernels: Sequence[Kernel], places: Mapping[str, object]) -> list[bool]:
    """Before which kernels all threads have to meet.

    They need not where a kernel only touches what the same thread has written: shares are given out by the number of
    shares alone, so aligned rows of equally many shares belong to one thread.

    Args:
        kernels: in the order in which they run.
        places: what memory each buffer is in; buffers in one place disturb each other.
    """
    touched: dict[object, list[tuple[Access, Size, bool]]] = {}
    result = []
    for kernel in kernels:
        mine = [(access, False) for access in kernel.reads] + [(access, True) for access in kernel.writes]
        meet = any(
            (writes or wrote) and not _same_thread(access, kernel.extent, other, extent)
            for access, writes in mine
            for other, extent, wrote in touched.get(places[access.buffer], ())
        )
        if meet:
            touched.clear()
        for access, writes in mine:
            touched.setdefault(places[access.buffer], []).append((access, kernel.extent, writes))
        result.append(meet)
    return result


def _same_thread(a: Access, a_extent: Size, b: Access, b_extent: Size) -> bool:
    if a_extent == b_extent == 1:  # the first thread has the one share of both
        return True
    return a.buffer == b.buffer and a.aligned and b.aligned and a_extent == b_extent
