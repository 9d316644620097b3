"""From logits to answers: the temperature that calibrates probabilities, and the threshold of two classes.

Both are numbers found on the dev set after training, kept with the model, and used wherever it predicts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError

if TYPE_CHECKING:
    from lexgrad.models.classifiers.base import TextClassifier

Array = NDArray[Any]
Codes = NDArray[np.int64]
DEV = "dev"
COLDEST, WARMEST = 0.05, 20.0  # where every answer is right, the loss falls without end as the temperature does


@dataclass(frozen=True)
class Decision:
    """How logits become probabilities and answers.

    Attributes:
        temperature: T; probabilities are those of the logits divided by it (Guo et al. 2017, "On calibration of modern
            neural networks", equation 9). The order of the classes stays as it is.
        threshold: with two classes, the second is the answer from this probability on; None is the more probable one.
    """

    temperature: float = 1.0
    threshold: float | None = None

    def probabilities(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn logits, (n,) or (n, K), into probabilities (n, K)."""
        return probabilities(logits if self.temperature == 1.0 else logits / self.temperature)

    def choose(self, chances: NDArray[np.float64]) -> Codes:
        """Return the number of the class that is answered for each row of probabilities (n, K)."""
        if self.threshold is None:
            return np.asarray(chances.argmax(axis=1), np.int64)
        return (chances[:, 1] >= self.threshold).astype(np.int64)

    def __str__(self) -> str:
        parts = [f"temperature {self.temperature:.4g}"] if self.temperature != 1.0 else []
        parts += [f"threshold {self.threshold:.4g}"] if self.threshold is not None else []
        return ", ".join(parts)


def check_decides(model: TextClassifier, classes: Array, *, dev: bool) -> None:
    """Refuse settings that these classes or a missing dev set make impossible.

    Raises:
        InputError: a threshold for more than two classes, or not between 0 and 1; or there is no dev set to find it on.
    """
    name = type(model).__name__
    if model.threshold is not None and len(classes) != 2:
        raise InputError(f"threshold is for two classes; {name} got {len(classes)}")
    if isinstance(model.threshold, int | float) and not 0 < model.threshold < 1:
        raise InputError(f"setting 'threshold' of {name} is between 0 and 1; got {model.threshold!r}")
    for setting, asked in (("calibrate=True", model.calibrate), ("threshold='dev'", model.threshold == DEV)):
        if asked and not dev:
            raise InputError(f"{setting} is found on a dev set, and there is none: give dev (--dev FILE, or --dev 10%)")


def learn_decision(model: TextClassifier, logits: NDArray[np.float64], labels: Codes) -> Decision:
    """Find what the settings ask for on the dev set: the temperature first, then the threshold.

    Args:
        model: its settings.
        logits: of the dev set, (n,) or (n, K).
        labels: their classes (n,).
    """
    temperature = best_temperature(logits, labels) if model.calibrate else 1.0
    if model.threshold == DEV:
        chances = Decision(temperature).probabilities(logits)[:, 1]
        return Decision(temperature, best_threshold(chances, labels, accuracy=model.monitor == "accuracy"))
    return Decision(temperature, given_threshold(model))


def given_threshold(model: TextClassifier) -> float | None:
    """Return the threshold that the settings give as a number."""
    return None if model.threshold is None or isinstance(model.threshold, str) else float(model.threshold)


def best_temperature(logits: NDArray[np.float64], labels: Codes) -> float:
    """Return the temperature in [0.05, 20] at which the mean of −log p(label) is least; it has one minimum."""
    from scipy.optimize import minimize_scalar

    def loss(log_temperature: float) -> float:
        chances = probabilities(logits / np.exp(log_temperature))[np.arange(len(labels)), labels]
        return float(-np.log(np.maximum(chances, np.finfo(np.float64).tiny)).mean())

    found = minimize_scalar(loss, bounds=(np.log(COLDEST), np.log(WARMEST)), method="bounded")
    return float(np.exp(found.x))


def best_threshold(chances: NDArray[np.float64], labels: Codes, *, accuracy: bool) -> float:
    """Return the threshold with the highest macro F1, or accuracy; of equally good ones that nearest to a half.

    Tried are the middles between probabilities that follow each other (and 0 and 1), and a half.

    Args:
        chances: probability of the second class (n,).
        labels: 0 or 1 (n,).
        accuracy: whether accuracy counts, and not macro F1.
    """
    values = np.unique([0.0, *chances, 1.0])
    candidates = np.append((values[1:] + values[:-1]) / 2, 0.5)
    order = np.argsort(-chances, kind="stable")
    # With a threshold t, the first k of the order are answered 1: true positives are a running sum.
    positives = np.append(0, np.cumsum(labels[order]))
    answered = np.searchsorted(-chances[order], -candidates, side="right")
    right, n, ones = positives[answered], len(labels), int(labels.sum())
    if accuracy:
        score = right + (n - answered) - (ones - right)
    else:
        second = 2 * right / np.maximum(answered + ones, 1)
        first = 2 * (n - answered - ones + right) / np.maximum(2 * n - answered - ones, 1)
        score = first + second
    best = candidates[score >= score.max() - 1e-12]
    return float(best[np.argmin(np.abs(best - 0.5))])


def probabilities(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn logits into probabilities (n, K), float64: σ(z) for the second of two classes, or the softmax."""
    if logits.shape == (1,):
        return _of_two(0.0, logits.item())
    if logits.shape == (1, 2):
        return _of_two(*logits[0].tolist())
    if logits.ndim == 1:
        both = np.zeros((len(logits), 2))
        both[:, 1] = logits  # softmax([0, z]) = [1 − σ(z), σ(z)]
        logits = both
    powers = np.exp(logits - np.maximum.reduce(logits, axis=1, keepdims=True))
    return np.asarray(powers / np.add.reduce(powers, axis=1, keepdims=True))


def _of_two(first: float, second: float) -> NDArray[np.float64]:
    """The same for one text and two classes, (1, 2), bit for bit, where somebody waits."""
    less = float(np.exp(-abs(second - first)))  # of the greater one it is exp(0)
    total = 1.0 + less
    both = np.empty((1, 2))
    greater = 0 if first >= second else 1
    both[0, greater], both[0, 1 - greater] = 1.0 / total, less / total
    return both
