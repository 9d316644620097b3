"""Memory: which buffers share a place, decided by when they are last read, and where threads have to meet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from lexgrad.compile.loops import Access
from lexgrad.compile.plan import Memory
from lexgrad.compile.repeat import Before, Cut, Repeat, Row, Same, Step, Turns, Where
from lexgrad.graph import Dim, Node, Size


def plan(steps: Sequence[Step], scratch: Mapping[str, Node], widths: Mapping[str, int]) -> Memory:
    """Give every scratch buffer a slot.

    A buffer is alive from the step that writes it to the last that reads it. It takes over the slot of a buffer that
    has died, of the same size where there is one; also that of an operand which dies in this very kernel, if the
    kernel goes entry by entry. What is used inside a loop only is alive there only.

    Args:
        steps: in the order in which they run.
        scratch: the buffers to place, and their nodes.
        widths: bytes an entry, by buffer.
    """
    planner = _Planner(scratch, widths)
    planner.place(steps)
    return planner.memory


class _Planner:
    def __init__(self, scratch: Mapping[str, Node], widths: Mapping[str, int]) -> None:
        self.scratch, self.widths = scratch, widths
        self.memory = Memory()
        self.free: list[int] = []

    def place(self, steps: Sequence[Step]) -> None:
        """Give slots to what steps write; behind them, those slots are free."""
        slots = self.memory.slots
        last = {access.buffer: i for i, step in enumerate(steps) for access in (*step.reads, *step.writes)}
        alive: list[str] = []
        for i, step in enumerate(steps):
            dead = [name for name in alive if last[name] < i]
            self.free += [slots[name] for name in dead]
            alive = [name for name in alive if name not in dead]
            ending = [access.buffer for access in step.reads if access.exact and last[access.buffer] == i]
            for access in step.writes:
                if access.buffer not in self.scratch or access.buffer in slots:
                    continue
                key = self._size(access.buffer)
                # In the place of an operand: only what a kernel writes last, when all has been read.
                final = access is step.writes[-1]
                inplace = [slots[name] for name in ending if final and name in alive and self._size(name) == key]
                slot = inplace[0] if inplace else _best(self.memory, self.free, *key)
                if inplace:
                    alive = [name for name in alive if slots[name] != slot]
                slots[access.buffer] = slot
                self.memory.sizes[slot].append(key)
                alive.append(access.buffer)
            if isinstance(step, Repeat):
                self.place(step.steps)
        self.free += [slots[name] for name in alive]

    def _size(self, name: str) -> tuple[Size, int]:
        return self.scratch[name].type.size, self.widths[name]


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


def meetings(steps: Sequence[Step], places: Mapping[str, object]) -> set[str]:
    """Before which kernels, by name, all threads have to meet; they do before and behind every loop in any case.

    They need not where a kernel only touches what the same thread has written: shares are given out by the number of
    shares alone, so aligned rows of equally many shares belong to one thread.

    Args:
        steps: in the order in which they run.
        places: what memory each buffer is in; buffers in one place disturb each other.
    """
    return _meetings(steps, lambda name, _: (places[name], name), places, 1)


_ROUNDS = 3
"""How many steps of a loop touch each other: buffers in turn are the same again after two."""

Touch: TypeAlias = tuple[object, Access, Size, bool]
"""What lies there, how it is touched, by how many shares, and whether it is written."""

Locate: TypeAlias = Callable[[str, int], tuple[object, object]]
"""At which place a buffer is in round i of a loop, and what lies there: the same rows under the same name."""


def _meetings(steps: Sequence[Step], locate: Locate, places: Mapping[str, object], rounds: int) -> set[str]:
    touched: dict[object, list[Touch]] = {}
    result: set[str] = set()
    for number in range(rounds):
        for step in steps:
            if isinstance(step, Repeat):
                touched.clear()
                if not number:
                    result |= _meetings(step.steps, _located(step, places), places, _ROUNDS)
                continue
            mine: list[tuple[object, Touch]] = []
            for accesses, writes in ((step.reads, False), (step.writes, True)):
                for access in accesses:
                    place, what = locate(access.buffer, number)
                    mine.append((place, (what, access, step.extent, writes)))
            if any(_disturb(touch, other) for place, touch in mine for other in touched.get(place, ())):
                result.add(step.name)
            if step.name in result:
                touched.clear()
            for place, touch in mine:
                touched.setdefault(place, []).append(touch)
    return result


def _located(loop: Repeat, places: Mapping[str, object]) -> Locate:
    def locate(name: str, number: int) -> tuple[object, object]:
        where = loop.where.get(name)
        place = _place(where, number)
        if place is not None:
            return place, place
        return places[name], where.buffer if isinstance(where, Same) else name

    return locate


def _place(where: Where | None, number: int) -> object:
    """Where a buffer is in round ``number`` of a loop; None where that is no matter of the round."""
    match where:
        case Row(buffer) | Cut(buffer):
            return buffer, number
        case Turns(even):
            return even, number % 2
        case Before(_, now):
            return _place(now, number - 1)
    return None


def _disturb(a: Touch, b: Touch) -> bool:
    """Whether one of two touches of a place writes, and different threads may be those who touch."""
    (a_what, a_access, a_shares, a_writes), (b_what, b_access, b_shares, b_writes) = a, b
    if not (a_writes or b_writes) or (a_shares == 1 and b_shares == 1):  # a single share is the first thread's
        return False
    return not (a_what == b_what and a_access.aligned and b_access.aligned and a_shares == b_shares)
