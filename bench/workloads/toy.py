"""The lectures' toy networks."""

from __future__ import annotations

import numpy as np

from bench.workloads.declared import Data, Workload, normal


def xor() -> Data:
    """The 2-4-1 network of the lectures on the four points of exclusive or."""
    generator = np.random.default_rng(0)
    return {
        "W": normal(generator, 2, 4, scale=1.0),
        "b": np.zeros(4, np.float32),
        "u": normal(generator, 4, scale=1.0),
        "c": np.zeros((), np.float32),
        "x": np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32),
        "y": np.array([0, 1, 1, 0], np.float32),
        "rate": 0.5,
    }


WORKLOADS = (Workload("xor", "2-4-1 network on XOR, tanh, SGD", 2000, xor),)
