"""SIGTERM during training is treated like Ctrl-C: the checkpoint is saved before the process ends."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

from lexgrad.cli.failures import INTERRUPTED, TERMINATED


class Termination:
    """While active, SIGTERM raises KeyboardInterrupt. ``code`` is the exit code that the signal asks for."""

    def __init__(self) -> None:
        self.code = INTERRUPTED
        self._previous: Any = None
        # Python lets only the main thread handle signals; elsewhere there is nothing to do.
        self._here = threading.current_thread() is threading.main_thread()

    def __enter__(self) -> Termination:
        if self._here:
            self._previous = signal.signal(signal.SIGTERM, self._stop)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._here:
            signal.signal(signal.SIGTERM, self._previous)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.code = TERMINATED
        raise KeyboardInterrupt
