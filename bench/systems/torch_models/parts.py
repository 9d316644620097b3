"""What the modules are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from bench.workloads import Data

Models = dict[str, tuple[type[nn.Module], Callable[[Data], list[tuple[torch.Tensor, ...]]]]]
"""Each workload's module, and its batches as tensors."""


def parameter(array: Any) -> nn.Parameter:
    """A parameter that begins as the array."""
    return nn.Parameter(torch.tensor(np.asarray(array)))


def linear(weight: Any, bias: Any) -> nn.Linear:
    """A layer with such weights, given inputs by outputs."""
    layer = nn.Linear(*weight.shape)
    layer.weight, layer.bias = parameter(np.ascontiguousarray(weight.T)), parameter(bias)
    return layer


def embedding(data: Data, sparse: bool) -> nn.Embedding:
    """The embeddings E."""
    return nn.Embedding.from_pretrained(torch.tensor(data["E"]), freeze=False, sparse=sparse)


def tensors(*arrays: Any) -> list[tuple[torch.Tensor, ...]]:
    """Batches of arrays that each have a row for a batch."""
    return [tuple(torch.tensor(array) for array in batch) for batch in zip(*arrays, strict=True)]
