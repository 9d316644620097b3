"""The training loop: the lectures' mini-batch gradient descent, with dev set, checkpoints and exact resumption.

    repeat till done
        for each randomly sampled mini-batch of size m
            g <- 1/m times the gradient of the batch's loss
            theta <- theta - eta g        (or another optimiser's update)

With m = 1 it is stochastic gradient descent. The last mini-batch of an epoch may be smaller: its mean is over its own
size. Steps run many at a time, in launches of about ``LAUNCH_SECONDS``, and no Python runs between them; between two
launches training can be watched, saved and stopped. The weights do not depend on how many steps a launch has.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import NonFiniteError
from lexgrad.train.ahead import Ahead, Place
from lexgrad.train.averaging import Averaging
from lexgrad.train.batches import Batches, Examples, Inputs
from lexgrad.train.interrupts import held_back
from lexgrad.train.position import Arrays, Position
from lexgrad.train.progress import Interrupted, Progress
from lexgrad.train.run import Run
from lexgrad.train.watching import Watch

LAUNCH_SECONDS = 0.03
WATCHED = ("loss", "accuracy", "macro_f1", "perplexity")  # of the dev set: what the row of an epoch has
MOST_STEPS, GROWTH = 4096, 8  # of a launch; and how many times as many steps as the last one it has at most


class Step(Protocol):
    """Training steps: ``lexgrad.train.step.TrainingStep``, or anything that has its ``launch``."""

    def launch(
        self, parameters: Arrays, state: Arrays, inputs: Inputs, rates: NDArray[Any], update: int
    ) -> tuple[Arrays, Arrays, NDArray[Any]]:
        """Do one step for each rate; return new parameters, new state, and each step's mean loss (steps,)."""
        ...


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How long to train.

    Attributes:
        epochs: passes over the examples.
        rate: learning rate of each update, counted from 0.
        patience: epochs without a better dev result after which to stop.
        monitor: one of ``WATCHED``, of the dev set.
        averaging: measure and keep a mean of the weights over about this many epochs; None: the weights themselves.
        anneal: each epoch that is not the best yet on the dev set multiplies all later rates by this.
        checkpoint_seconds: in a long epoch, save the state about this often as well.
        epoch_seconds: behind an epoch that is not the last, save it if the last time is longer ago than this.
    """

    epochs: int
    rate: Callable[[int], float]
    patience: int = 5
    monitor: str = "loss"
    averaging: float | None = None
    anneal: float = 1.0
    checkpoint_seconds: float = 60.0
    epoch_seconds: float = 3.0


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
        step: the updates.
        examples: what to learn from, and in which order.
        start: fresh parameters and state, or what a checkpoint held.
        plan: how long and how.
        measure: metrics of the dev set for given parameters; None without a dev set.
        run: where checkpoints and metrics go.
        progress: who is told.
        watch: measures some of the steps.

    Raises:
        Interrupted: KeyboardInterrupt came; the state is saved where there is a run.
        NonFiniteError: the loss, or a weight that would be kept, became infinite or not a number; it says in which
            epoch and step.
    """
    training = _Training(step, examples, start, plan, measure, run, progress or Progress(), watch)
    del start  # the steps have copies of their own, and embeddings may be large
    return training.train()


class _Training:
    """One call of ``train``; ``here`` is replaced as a whole after each launch."""

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
        self.averaging = None if plan.averaging is None else Averaging(plan.averaging, examples.steps)
        self.ahead = Ahead(examples, plan.rate)
        self.length = 1  # steps of the next launch
        self.settled = False  # whether launches are about as long as they should be
        self.saved = time.monotonic()

    def train(self) -> Position:
        with held_back() as safe_point:
            self.safe_point = safe_point
            try:
                return self._train()
            finally:
                self.ahead.close()

    def _train(self) -> Position:
        try:
            self.progress.on_start(
                epochs=self.plan.epochs,
                steps=self.examples.steps,
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
        """Do what is left of the epoch, a launch at a time."""
        clock = time.monotonic()
        while self.here.step < self.examples.steps:
            here, watch = self.here, self.watch
            place = Place(here.epoch, here.step, here.updates)
            ready = self.ahead.take(place, self._room(here.updates))
            batches, rates = ready.batches, ready.rates * self._annealed()
            done, examples, tokens = len(batches), int(batches.examples.sum()), int(batches.tokens.sum())
            if self.settled:
                self._begin_next(place, done)
            reading = None
            if watch and watch.due(here.updates):
                reading = watch.before({**here.parameters, **here.state, **batches.step(0)}, here.updates)
            parameters, state, losses = self.step.launch(
                here.parameters, here.state, batches.inputs, rates, here.updates
            )
            self._require_finite(losses, rates)
            health = here.health
            if watch and reading:
                health = (*health, watch.record(reading, parameters, here.epoch + 1, here.updates, float(rates[0])))
            averaged, updates = here.averaged, here.updates + done
            if self.averaging and self.averaging.due(updates):
                averaged = self.averaging.mean(averaged, parameters, updates)
            now = time.monotonic()
            self.here = replace(
                here,
                parameters=parameters,
                state=state,
                step=here.step + done,
                updates=updates,
                averaged=averaged,
                loss_sum=_added(here.loss_sum, losses, batches),
                examples=here.examples + examples,
                tokens=here.tokens + tokens,
                seconds=here.seconds + (now - clock),
                health=health,
            )
            self._pace(done, now - clock)
            clock = now
            self.progress.on_steps(
                losses=losses, examples=examples, tokens=tokens, step=self.here.step, steps=self.examples.steps
            )
            if self.run and now - self.saved > self.plan.checkpoint_seconds:
                self.run.save(self.here)
                self.saved = now
            self.safe_point()

    def _room(self, updates: int) -> int:
        """How many steps a launch has at most, ``updates`` steps having been done."""
        length = self.watch.room(updates, self.length) if self.watch else self.length
        return self.averaging.room(updates, length) if self.averaging else length

    def _begin_next(self, place: Place, done: int) -> None:
        """Have what comes behind this launch of ``done`` steps made ready, be it in the next epoch."""
        updates = place.update + done
        if place.step + done < self.examples.steps:
            self.ahead.begin(Place(place.epoch, place.step + done, updates), self._room(updates))
        elif place.epoch + 1 < self.plan.epochs:
            self.ahead.begin(Place(place.epoch + 1, 0, updates), self._room(updates))

    def _rate(self, update: int) -> float:
        """The rate of an update."""
        return float(self.plan.rate(update) * self._annealed())

    def _annealed(self) -> float:
        """What each epoch so far that was not the best yet has made of the schedule's rate."""
        if self.plan.anneal == 1.0:
            return 1.0
        return float(self.plan.anneal ** sum(not row.get("best", True) for row in self.here.rows))

    def _pace(self, steps: int, seconds: float) -> None:
        """Choose how many steps the next launch has, by how long the last one took."""
        wanted = steps * LAUNCH_SECONDS / max(seconds, 1e-9)
        self.length = max(1, min(int(wanted), GROWTH * steps, MOST_STEPS))
        self.settled = seconds >= LAUNCH_SECONDS / 2

    def _require_finite(self, losses: NDArray[Any], rates: NDArray[Any]) -> None:
        wrong = ~np.isfinite(losses)
        if wrong.any():
            first = int(wrong.argmax())
            raise self._non_finite(f"the loss became {losses[first]}", self.here.step + first, rates[first])

    def _require_finite_weights(self) -> None:
        """Refuse weights that the last step spoiled: no loss has seen them yet, and they may be about to be kept."""
        here = self.here
        for name, array in here.measured.items():
            if array.size and not (np.isfinite(array.min()) and np.isfinite(array.max())):
                raise self._non_finite(
                    f"weights {name} became infinite or NaN", here.step - 1, self._rate(here.updates - 1)
                )

    def _non_finite(self, what: str, step: int, rate: float) -> NonFiniteError:
        return NonFiniteError(
            f"{what} in epoch {self.here.epoch + 1}, step {step + 1}: the learning rate ({rate:g}) may be too high, or"
            " the inputs too large; lower it, clip gradients, or standardize"
        )

    def _finish_epoch(self) -> None:
        """Measure on the dev set, keep the best, write the row, go to the next epoch."""
        here = self.here
        if self.measure is not None or here.epoch + 1 >= self.plan.epochs:
            self._require_finite_weights()
        row: dict[str, Any] = {
            "epoch": here.epoch + 1,
            "step": here.updates,
            "loss": here.loss_sum / max(here.examples, 1),
            "learning_rate": self._rate(max(here.updates - 1, 0)),
            "examples": here.examples,
            "tokens": here.tokens,
            "seconds": round(here.seconds, 6),
        }
        after = replace(here, epoch=here.epoch + 1, step=0, loss_sum=0.0, examples=0, tokens=0, seconds=0.0)
        if self.measure is not None:
            metrics = self.measure(here.measured)
            if np.isnan(metrics.get("loss", 0.0)):
                raise self._non_finite(
                    "the loss on the dev set is no number", here.step - 1, self._rate(here.updates - 1)
                )
            after = self._compare(after, metrics)
            better = after.worse == 0
            row |= {f"dev_{name}": metrics[name] for name in WATCHED if name in metrics} | {"best": better}
            self.progress.on_dev(here.epoch + 1, metrics, better)
        self.here = replace(after, rows=(*here.rows, row))
        over = self.here.epoch >= self.plan.epochs or self.here.stopped_early
        if self.run and (over or time.monotonic() - self.saved > self.plan.epoch_seconds):
            self.run.save(self.here)
            self.saved = time.monotonic()
        self.progress.on_epoch_end(row)

    def _compare(self, after: Position, metrics: Mapping[str, Any]) -> Position:
        """Early stopping: the best epoch's weights are kept; ``patience`` worse ones in a row end the training."""
        value = float(metrics[self.plan.monitor])
        value = -value if self.plan.monitor in ("loss", "perplexity") else value
        if after.best_value is None or value > after.best_value:
            # A copy: the next step updates the weights in place.
            best = {name: array.copy() for name, array in after.measured.items()}
            return replace(after, best=best, best_value=value, worse=0)
        worse = after.worse + 1
        return replace(after, worse=worse, stopped_early=worse >= self.plan.patience)


def _added(total: float, losses: NDArray[Any], batches: Batches) -> float:
    """The sum over examples of their loss so far: added step by step, so that launches of any length give one sum."""
    for loss, count in zip(losses.tolist(), batches.examples.tolist(), strict=True):
        total += loss * count
    return float(total)
