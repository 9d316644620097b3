"""The training loop: the lectures' mini-batch gradient descent, with dev set, checkpoints and exact resumption.

    repeat till done
        for each randomly sampled mini-batch of size m
            g <- 1/m times the gradient of the batch's loss
            theta <- theta - eta g        (or another optimiser's update)

With m = 1 it is stochastic gradient descent. The last mini-batch of an epoch may be smaller: its mean is over its own
size.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import NonFiniteError
from lexgrad.train.interrupts import held_back
from lexgrad.train.position import Arrays, Position
from lexgrad.train.progress import Interrupted, Progress
from lexgrad.train.run import Run
from lexgrad.train.shuffle import batches, steps_in_epoch
from lexgrad.train.watching import Watch

Batch = dict[str, NDArray[Any]]


class Examples(Protocol):
    """Training examples from which batches are picked by index."""

    def __len__(self) -> int: ...

    def batch(self, indices: NDArray[np.int64]) -> tuple[Batch, int]:
        """Return the step's inputs for these examples, and how many tokens they hold."""
        ...


class Step(Protocol):
    """One training step: ``lexgrad.train.step.TrainingStep``, or anything that is called like it."""

    def __call__(
        self, parameters: Arrays, state: Arrays, batch: Batch, rate: float, update: int
    ) -> tuple[Arrays, Arrays, float]:
        """Return new parameters, new state, and the batch's mean loss before the update."""
        ...


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How long and in what pieces to train.

    Attributes:
        epochs: passes over the examples.
        batch: examples in a mini-batch.
        seed: keys the order of every epoch.
        rate: learning rate of each update, counted from 0.
        patience: epochs without a better dev result after which to stop.
        monitor: "loss", "accuracy" or "macro_f1" of the dev set.
        checkpoint_seconds: in a long epoch, save the state about this often as well.
    """

    epochs: int
    batch: int
    seed: int
    rate: Callable[[int], float]
    patience: int = 5
    monitor: str = "loss"
    checkpoint_seconds: float = 60.0


def train(
    step: Step,
    examples: Examples,
    start: Position,
    plan: Plan,
    *,
    measure: Callable[[Arrays], Mapping[str, Any]] | None = None,
    run: Run | None = None,
    progress: Progress | None = None,
    watch: Watch | None = None,
) -> Position:
    """Train from ``start`` until the plan is done or patience runs out; returns where it ended.

    Args:
        step: the update.
        examples: what to learn from.
        start: fresh parameters and state, or what a checkpoint held.
        plan: how long and how.
        measure: metrics of the dev set for given parameters; None without a dev set.
        run: where checkpoints and metrics go.
        progress: who is told.
        watch: measures some of the steps.

    Raises:
        Interrupted: KeyboardInterrupt came; the state is saved where there is a run.
        NonFiniteError: the loss became infinite or not a number.
    """
    return _Training(step, examples, start, plan, measure, run, progress or Progress(), watch).train()


class _Training:
    """One call of ``train``; ``here`` is replaced as a whole after each step."""

    def __init__(
        self,
        step: Step,
        examples: Examples,
        start: Position,
        plan: Plan,
        measure: Callable[[Arrays], Mapping[str, Any]] | None,
        run: Run | None,
        progress: Progress,
        watch: Watch | None,
    ) -> None:
        self.step, self.examples, self.here, self.plan, self.watch = step, examples, start, plan, watch
        self.measure, self.run, self.progress = measure, run, progress
        self.steps = steps_in_epoch(len(examples), plan.batch)
        self.saved = time.monotonic()

    def train(self) -> Position:
        with held_back() as safe_point:
            self.safe_point = safe_point
            return self._train()

    def _train(self) -> Position:
        try:
            self.progress.on_start(
                epochs=self.plan.epochs,
                steps=self.steps,
                examples=len(self.examples),
                first_epoch=self.here.epoch + 1,
                first_step=self.here.step,
            )
            while self.here.epoch < self.plan.epochs and not self.here.stopped_early:
                self.progress.on_epoch(self.here.epoch + 1, self.plan.epochs)
                self._steps()
                self._finish_epoch()
        except KeyboardInterrupt as stop:
            checkpoint = self.run.save(self.here) if self.run else None
            raise Interrupted(checkpoint, self.here.epoch + 1, self.here.step) from stop
        self.progress.on_end(epochs=self.here.epoch, stopped_early=self.here.stopped_early)
        return self.here

    def _steps(self) -> None:
        """Do what is left of the epoch, one update a mini-batch."""
        clock = time.monotonic()
        for indices in batches(len(self.examples), self.plan.batch, self.plan.seed, self.here.epoch, self.here.step):
            here = self.here
            batch, tokens = self.examples.batch(indices)
            rate = self.plan.rate(here.updates)
            watched = self.watch if self.watch and self.watch.due(here.updates) else None
            reading = watched.before(here.parameters, batch, here.updates) if watched else None
            parameters, state, loss = self.step(here.parameters, here.state, batch, rate, here.updates)
            if not math.isfinite(loss):
                raise NonFiniteError(
                    f"the loss became {loss} in epoch {here.epoch + 1}, step {here.step + 1}: the learning rate"
                    f" ({rate:g}) may be too high, or the inputs too large; lower it, clip gradients, or standardize"
                )
            health = here.health
            if watched and reading:
                health = (*health, watched.record(reading, parameters, here.epoch + 1, here.updates, rate))
            now = time.monotonic()
            self.here = replace(
                here,
                parameters=parameters,
                state=state,
                step=here.step + 1,
                updates=here.updates + 1,
                loss_sum=here.loss_sum + loss * len(indices),
                examples=here.examples + len(indices),
                tokens=here.tokens + tokens,
                seconds=here.seconds + (now - clock),
                health=health,
            )
            clock = now
            self.progress.on_step(
                loss=loss, examples=len(indices), tokens=tokens, step=self.here.step, steps=self.steps
            )
            if self.run and now - self.saved > self.plan.checkpoint_seconds:
                self.run.save(self.here)
                self.saved = now
            self.safe_point()

    def _finish_epoch(self) -> None:
        """Measure on the dev set, keep the best, write the row, go to the next epoch."""
        here = self.here
        row: dict[str, Any] = {
            "epoch": here.epoch + 1,
            "step": here.updates,
            "loss": here.loss_sum / max(here.examples, 1),
            "learning_rate": self.plan.rate(max(here.updates - 1, 0)),
            "examples": here.examples,
            "tokens": here.tokens,
            "seconds": round(here.seconds, 6),
        }
        after = replace(here, epoch=here.epoch + 1, step=0, loss_sum=0.0, examples=0, tokens=0, seconds=0.0)
        if self.measure is not None:
            metrics = self.measure(here.parameters)
            after = self._compare(after, metrics)
            better = after.worse == 0
            row |= {f"dev_{name}": metrics[name] for name in ("loss", "accuracy", "macro_f1")} | {"best": better}
            self.progress.on_dev(here.epoch + 1, metrics, better)
        self.here = replace(after, rows=(*here.rows, row))
        if self.run:
            self.run.save(self.here)
            self.saved = time.monotonic()
        self.progress.on_epoch_end(row)

    def _compare(self, after: Position, metrics: Mapping[str, Any]) -> Position:
        """Early stopping: the best epoch's weights are kept; ``patience`` worse ones in a row end the training."""
        value = float(metrics[self.plan.monitor])
        value = -value if self.plan.monitor == "loss" else value
        if after.best_value is None or value > after.best_value:
            # A copy: the next step updates the weights in place.
            best = {name: array.copy() for name, array in after.parameters.items()}
            return replace(after, best=best, best_value=value, worse=0)
        worse = after.worse + 1
        return replace(after, worse=worse, stopped_early=worse >= self.plan.patience)
