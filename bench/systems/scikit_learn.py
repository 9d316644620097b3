"""scikit-learn: its classifiers on sparse counts. Option ``solver``: ``sgd``, ``lbfgs`` or ``saga``.

Nothing is penalised, as in the other systems. SGDClassifier makes the very updates of the workload, one after each
text in the order in which they are (shuffling would only make it slower). The solvers of LogisticRegression are other
algorithms: as many passes over the texts, another loss.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, SGDClassifier

from bench.systems import Run, Setup
from bench.workloads import Data
from bench.workloads.linear import log_loss


def _sparse_logistic(data: Data, setup: Setup) -> Run:
    if setup.options["solver"] == "sgd":
        model: Any = SGDClassifier(
            loss="log_loss",
            penalty=None,
            learning_rate="constant",
            eta0=data["rate"],
            max_iter=data["epochs"],
            tol=None,
            shuffle=False,
        )
    else:
        model = LogisticRegression(C=np.inf, solver=setup.options["solver"], max_iter=data["epochs"], tol=0.0)
    counts, labels = data["counts"], data["labels"]

    def run(steps: int) -> Callable[[], float]:
        for _ in range(steps):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                model.fit(counts, labels)
        return lambda: log_loss(model.decision_function(counts), labels)

    return run


PREPARE = {"sparse-logistic": _sparse_logistic}
