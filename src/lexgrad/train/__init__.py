"""Training: the loop, the step as one graph, metrics, run directories with checkpoints, early stopping, progress."""

from __future__ import annotations

from lexgrad.train.progress import Interrupted, Progress

__all__ = ["Interrupted", "Progress"]
