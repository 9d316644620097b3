"""Training: the loop, metrics, run directories with checkpoints, early stopping and progress."""

from __future__ import annotations

from lexgrad.train.progress import Interrupted, Progress

__all__ = ["Interrupted", "Progress"]
