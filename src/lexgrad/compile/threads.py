"""Threads that run one function together, and the memory at which they meet."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING

import numpy as np

from lexgrad.compile.arrays import aligned_empty

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

Together = Callable[[int, int, int], None]


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def together(run: Together, threads: int) -> None:
    """Call ``run(thread, threads, meeting)`` once in each of ``threads`` threads, this one among them.

    ``meeting`` is the address of 256 zeroed bytes, where they can wait for each other. Launches from several Python
    threads at a time are safe: each has its own meeting, and its threads stand in the queue one behind the other, so
    that whichever launch came first can always go on.
    """
    if threads == 1:
        run(0, 1, 0)
        return
    meeting = aligned_empty((32,), np.dtype(np.int64))
    meeting[:] = 0
    numbers = count(1)

    def join() -> None:
        thread = next(numbers)
        if thread < threads:
            run(thread, threads, meeting.ctypes.data)

    alone = False
    others: list[Future[None]] = []
    try:
        with _queue():
            while len(others) < threads - 1:
                others.append(_pool(threads).submit(join))
    except RuntimeError:  # Python is shutting down, and no thread can be had any more
        alone = not others
    finally:
        # Also when a person interrupts: those that have begun would wait for the others for ever.
        while not alone and len(others) < threads - 1:
            others.append(_pool(threads).submit(join))
        run(0, 1 if alone else threads, meeting.ctypes.data)
    for other in others:
        other.result()


@functools.cache
def _pool(threads: int) -> ThreadPoolExecutor:
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(threads - 1, thread_name_prefix="lexgrad")


@functools.cache
def _queue() -> threading.Lock:
    return threading.Lock()


def _forget() -> None:
    """A forked process has none of the threads of its parent, and may have its lock held for ever."""
    _queue.cache_clear()
    _pool.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
