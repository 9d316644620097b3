"""PyTorch through ``torch.compile``; dense gradients, since it does not compile sparse ones."""

from __future__ import annotations

from bench.systems import torch_eager

torch_eager.COMPILE = True
torch_eager.SPARSE = False
PREPARE = torch_eager.PREPARE
