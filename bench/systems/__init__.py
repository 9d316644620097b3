"""One file a system: how its own experts would write each workload.

A file has ``PREPARE``: workload name -> function of the data and a ``Setup``, which returns a function that does a
number of steps and returns the loss, or a function that works it out off the clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Run = Callable[[int], float | Callable[[], float]]
OURS = "lexgrad"


@dataclass(frozen=True)
class Setup:
    """How a system is to run: threads, precision, and the options of this variant of it."""

    threads: int
    precision: str
    options: Mapping[str, Any]


@dataclass(frozen=True)
class System:
    """A way to write the workloads.

    Attributes:
        module: the file in this folder.
        about: one line.
        precisions: those that it is written for.
        options: what its file reads of ``Setup``.
        workloads: those that it is written for.
    """

    module: str
    about: str
    workloads: tuple[str, ...]
    precisions: tuple[str, ...] = ("fp32",)
    options: Mapping[str, Any] = field(default_factory=dict)


_RECURRENT = ("elman-lm", "lstm-lm")
_EMBEDDED = ("ffnn-lm", *_RECURRENT, "mean-pool", "tagger")
_CONVOLUTION = ("textcnn-sgd", "textcnn-adam", "textcnn-adadelta")
_OTHER_OPTIMISERS = ("textcnn-adam", "textcnn-adadelta", "dan-adam")
_STEPS = (*_EMBEDDED, "xor")
_TEXTS = ("dan", "dan-adam", "lstm-classifier")
_MODULES = (*_STEPS, *_TEXTS, *_CONVOLUTION)
_COUNTS = ("sparse-logistic",)
_DRAWN = ("elman-text", "lstm-text", "lstm-text-650")
_BOTH = ("fp32", "bf16")
_LAYERS = (*_RECURRENT, "tagger", "lstm-classifier")
_FIXED = tuple(name for name in _STEPS if name != "tagger")  # batches of one shape: others it compiles anew
_SPARSE = (*_EMBEDDED, *_TEXTS, "textcnn-sgd", "textcnn-adam")


def _torch(name: str, about: str, workloads: tuple[str, ...] = _STEPS, **options: Any) -> dict[str, System]:
    """A variant of PyTorch, and both ways of doing it in bf16."""
    halves = {
        "autocast": "forward and backward under autocast",
        "masters": "parameters in bf16, but for embeddings, with fp32 master copies",
    }
    systems = {name: System("torch_steps", about, workloads, ("fp32",), options)}
    for half, how in halves.items():
        fitting = workloads if half == "autocast" else tuple(w for w in workloads if w not in _OTHER_OPTIMISERS)
        systems[f"{name}-{half}"] = System(
            "torch_steps", f"{about}; {how}", fitting, ("bf16",), {**options, "half": half}
        )
    return systems


SYSTEMS: dict[str, System] = {
    OURS: System(
        "lexgrad_compiled",
        "the whole step as one program, many steps a launch",
        (*_MODULES, *_COUNTS, *_DRAWN, "bow"),
        _BOTH,
    ),
    **_torch("torch-eager", "PyTorch, module and optimiser as its users write them", _MODULES),
    **_torch("torch-sparse", "the same with sparse gradients of embeddings", _SPARSE, sparse=True),
    **_torch("torch-compile", "PyTorch, forward and backward through torch.compile", _MODULES, compile="default"),
    **_torch("torch-autotune", "the same with mode='max-autotune'", ("ffnn-lm",), compile="max-autotune"),
    **_torch("torch-whole", "PyTorch, the whole step as one function through torch.func and torch.compile", whole=True),
    **_torch("torch-nn", "PyTorch's own nn.RNN and nn.LSTM; texts as packed sequences", _LAYERS, library=True),
    **_torch("torch-nn-sparse", "the same with sparse gradients of embeddings", _LAYERS, library=True, sparse=True),
    "torch-cells": System("torch_texts", "PyTorch eager, a cell a layer and token", _DRAWN, _BOTH, {"cells": True}),
    "torch-layers": System("torch_texts", "the same with PyTorch's own nn.RNN and nn.LSTM", _DRAWN, _BOTH),
    "torch-cells-compile": System(
        "torch_texts", "torch-cells through torch.compile", _DRAWN, _BOTH, {"cells": True, "compile": True}
    ),
    "jax-scan": System("jax_texts", "JAX, one jitted scan over tokens", _DRAWN, _BOTH),
    "fasttext": System("fasttext_fits", "fastText's train_supervised on a file", ("bow",)),
    "jax": System("jax_jit", "JAX, one jitted step, parameters donated", _FIXED, ("fp32", "bf16")),
    "sgd-classifier": System("scikit_learn", "scikit-learn's SGDClassifier", _COUNTS, options={"solver": "sgd"}),
    "logistic-regression": System(
        "scikit_learn", "scikit-learn's LogisticRegression, 20 steps of L-BFGS", _COUNTS, options={"solver": "lbfgs"}
    ),
    "logistic-saga": System(
        "scikit_learn", "scikit-learn's LogisticRegression, 20 epochs of SAGA", _COUNTS, options={"solver": "saga"}
    ),
}
