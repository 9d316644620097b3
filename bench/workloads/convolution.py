"""Convolutional networks on SST-2's own sentences, in batches of whatever lengths they have."""

from __future__ import annotations

import numpy as np

from bench.workloads import sst2
from bench.workloads.declared import Data, Workload, normal

KERNELS = (3, 4, 5)
RATES = {"sgd": 0.1, "adam": 0.001, "adadelta": 1.0}


def textcnn(optimizer: str, texts: int = 0, d: int = 300, filters: int = 100, batch: int = 50) -> Data:
    """Kim (2014): 100 filters over each 3, 4 and 5 words, ReLU, the maximum over all time, softmax; no dropout.

    ``texts`` made-up sentences of six words stand for SST-2's; those are shuffled once, and the last batch, which is
    smaller, is left out. Windows lie within a sentence, and one that is shorter than a kernel has a window filled up
    with zero vectors.

    Raises:
        MissingDataError: SST-2 is not beside the checkout.
    """
    generator = np.random.default_rng(0)
    rows = sst2.made_up(generator, texts) if texts else sst2.read()
    rows = [rows[i] for i in generator.permutation(len(rows))]
    rows = rows[: len(rows) // batch * batch]
    words = {word: number for number, word in enumerate(sorted({word for text, _ in rows for word in text.split()}))}
    lengths = np.array([len(text.split()) for text, _ in rows]).reshape(-1, batch)
    return {
        "E": normal(generator, len(words), d, scale=0.1),
        **{f"K{k}": normal(generator, k, filters, d) for k in KERNELS},
        **{f"b{k}": np.zeros(filters, np.float32) for k in KERNELS},
        "U": normal(generator, len(KERNELS) * filters, 2),
        "c": np.zeros(2, np.float32),
        "ids": np.array([words[word] for text, _ in rows for word in text.split()]),
        "offsets": np.concatenate([np.zeros((len(lengths), 1), int), np.cumsum(lengths, 1)], 1),
        "target": np.array([int(positive) for _, positive in rows]).reshape(-1, batch),
        "rate": RATES[optimizer],
        "optimizer": optimizer,
    }


def textcnn_sgd(**sizes: int) -> Data:
    """With SGD: see ``textcnn``."""
    return textcnn("sgd", **sizes)


def textcnn_adam(**sizes: int) -> Data:
    """With Adam: see ``textcnn``."""
    return textcnn("adam", **sizes)


def textcnn_adadelta(**sizes: int) -> Data:
    """With Adadelta: see ``textcnn``."""
    return textcnn("adadelta", **sizes)


_FEW = {"texts": 12, "d": 5, "filters": 4, "batch": 3}
_ABOUT = "convolutional network on SST-2, d 300, 100 filters each over 3, 4, 5 words, batch 50,"
WORKLOADS = (
    Workload("textcnn-sgd", f"{_ABOUT} SGD", 40, textcnn_sgd, _FEW),
    Workload("textcnn-adam", f"{_ABOUT} Adam (of embeddings, the rows read)", 40, textcnn_adam, _FEW),
    Workload("textcnn-adadelta", f"{_ABOUT} Adadelta (of embeddings, the rows read)", 40, textcnn_adadelta, _FEW),
)
