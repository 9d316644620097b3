"""Work on a stream in threads, a few items ahead of whoever takes the results."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

AHEAD = 2  # items that are worked on while one is taken

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def ahead(work: Callable[[_Item], _Result], items: Iterable[_Item]) -> Iterator[_Result]:
    """Yield ``work(item)`` of each item in order, begun in threads before it is asked for.

    It is worth its while where ``work`` gives the interpreter's lock back. Items are taken in the caller's thread, so
    what they raise comes when they are taken. A stream of one item is worked on at once.
    """
    remaining = iter(items)
    first = next(remaining, None)
    if first is None:
        return
    second = next(remaining, None)
    if second is None:
        yield work(first)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(AHEAD, thread_name_prefix="lexgrad-ahead") as pool:
        begun: deque[Future[_Result]] = deque([pool.submit(work, first), pool.submit(work, second)])
        try:
            for item in remaining:
                yield begun.popleft().result()
                begun.append(pool.submit(work, item))
            while begun:
                yield begun.popleft().result()
        finally:
            for waiting in begun:
                waiting.cancel()
