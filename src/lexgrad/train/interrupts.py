"""Ctrl-C and its like, held back until a moment at which everything that training knows is consistent."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def held_back() -> Iterator[Callable[[], None]]:
    """Hold SIGINT and SIGTERM back; yields a function that lets one through if it has come.

    A training step updates weights in place. A signal in the middle of it, or between it and the count of steps, would
    leave a state that no uninterrupted run ever has. Their handlers, which may raise, run when the function is called
    and at the end; a second signal is let through at once. Outside the main thread, where Python delivers no signals,
    nothing is held back.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    waiting: list[tuple[Callable[..., Any], int, FrameType | None]] = []
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    caught = {number: handler for number, handler in before.items() if callable(handler)}

    def hold(number: int, frame: FrameType | None) -> None:
        handler = caught[signal.Signals(number)]
        if waiting:
            handler(number, frame)
        waiting.append((handler, number, frame))

    def let_through() -> None:
        if waiting:
            handler, number, frame = waiting.pop(0)
            handler(number, frame)

    for number in caught:
        signal.signal(number, hold)
    try:
        yield let_through
    finally:
        for number, handler in caught.items():
            signal.signal(number, handler)
    let_through()
