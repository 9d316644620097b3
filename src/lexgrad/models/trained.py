"""Settings of every model that gradient descent trains: optimiser, rate, batches, epochs, penalties, precision."""

# `setting` declares a field, as dataclasses.field does

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from lexgrad.models.base import Model
from lexgrad.models.settings import setting
from lexgrad.text.sources import find_source

if TYPE_CHECKING:
    from lexgrad.train.loop import Plan
    from lexgrad.train.position import Position


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class TrainedModel(Model):
    """A model that ``lexgrad.train.loop`` trains, a mini-batch a step."""

    usual_l2: ClassVar[float] = 3e-6

    optimizer: str = setting(
        "adam",
        "the update rule",
        choices=("sgd", "momentum", "nesterov", "adagrad", "adadelta", "adam", "adamw"),
        search="adam,adagrad",
    )
    learning_rate: float = setting(0.05, "step size of the first step (after warm-up)", least=0, search="1e-3..0.3:log")
    schedule: str = setting(
        "auto",
        "how the rate falls in training; auto: to 0 in a line, but not with plain sgd",
        choices=("auto", "constant", "linear", "cosine", "step", "exponential", "inverse"),
    )
    warmup: int = setting(0, "steps over which the rate first climbs from 0", least=0)
    momentum: float = setting(0.9, "for momentum and nesterov", least=0)
    lazy: bool = setting(
        False,
        "a step updates only the rows of embeddings, or of sparse weights, that its batch reads (state and l2 too)",
    )
    batch: int = setting(32, "texts in a mini-batch", least=1, search="16,32,64")
    epochs: int = setting(10, "passes over the training texts", least=1)
    l2: float | None = setting(
        None,
        "adds l2/2 times the sum of squared weights (adamw: decays them); None: a little, 0 with plain sgd",
        least=0,
        search="1e-7..1e-3:log",
    )
    clip_norm: float | None = setting(None, "scale the whole gradient down to this norm", least=0)
    clip_value: float | None = setting(None, "limit each entry of the gradient to this magnitude", least=0)
    averaging: float | None = setting(
        None, "measure and keep a mean of the weights over about this many last epochs, not the last weights", least=0
    )
    patience: int = setting(5, "with a dev set: stop after this many epochs without a better one", least=1)
    monitor: str = setting("loss", "what on the dev set is watched", choices=("loss", "accuracy", "macro_f1"))
    seed: int = setting(0, "fixes initial weights, order and dropout", least=0)
    watch: int | None = setting(
        None, "measure gradients, updates and dead ReLUs every so many steps; 0: about 200 times in all", least=0
    )
    precision: str = setting(
        "fp32",
        "width of the numbers; bf16: of those that matrix products multiply in training, all else is fp32",
        choices=("fp32", "fp64", "bf16"),
    )
    threads: int | None = setting(None, "processor threads; results are the same for any number", least=1)

    def l2_strength(self) -> float:
        """Return the strength of the L2 penalty; plain SGD is the lectures' pseudocode unless told otherwise."""
        if self.l2 is None:
            return 0.0 if self.optimizer == "sgd" else self.usual_l2
        return float(self.l2)

    def schedule_kind(self) -> str:
        """Return the kind of schedule; plain SGD has the lectures' constant rate unless told otherwise."""
        if self.schedule == "auto":
            return "constant" if self.optimizer == "sgd" else "linear"
        return self.schedule

    def penalised(self) -> Callable[[str], bool]:
        """Say which parameters, by name, the L2 penalty holds for: weights, not biases."""
        return lambda name: not name.startswith("b")

    def plan(self, steps: int) -> Plan:
        """Return how long and how to train, where an epoch has so many steps."""
        from lexgrad.nn.schedules import Schedule
        from lexgrad.train.loop import Plan

        return Plan(
            epochs=self.epochs,
            rate=Schedule(self.learning_rate, self.schedule_kind(), self.epochs * steps, self.warmup),
            patience=self.patience,
            monitor=self.monitor,
            averaging=self.averaging,
        )

    def keep(self, end: Position, start: Position, seconds: float) -> None:
        """Set ``parameters_``, ``history_``, ``health_`` and ``report_`` by how a training from ``start`` ended."""
        rows = [dict(row) for row in end.rows]
        done = rows[len(start.rows) :]
        examples = sum(row["examples"] for row in done) - start.examples
        tokens = sum(row["tokens"] for row in done) - start.tokens
        self.parameters_ = dict(end.kept)
        self.history_ = rows
        self.health_ = [dict(record) for record in end.health]
        self.report_ = {
            "epochs": end.epoch,
            "parameters": sum(int(array.size) for array in self.parameters_.values()),
            "train_seconds": round(seconds, 4),
            "examples_per_second": round(examples / seconds, 1) if seconds else 0.0,
            "tokens_per_second": round(tokens / seconds, 1) if seconds else 0.0,
        }

    def _check_settings(self) -> None:
        from lexgrad.train.engine import require_precision

        super()._check_settings()
        require_precision(self.precision)
        vectors = self.get_params(deep=False).get("vectors")
        if isinstance(vectors, str | Path) and not (str(vectors) and Path(vectors).exists()):
            find_source(vectors)  # says so now: reading the texts may take minutes
