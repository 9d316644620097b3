"""PyTorch: the models as modules, a file a family. Weights are stored as ``nn.Linear`` does, outputs by inputs."""

from __future__ import annotations

from bench.systems.torch_models import convolution, language, pooled, recurrent, tagging, toy
from bench.systems.torch_models.parts import Models

_FAMILIES = (language, pooled, convolution, recurrent, tagging, toy)
MODELS: Models = {name: model for family in _FAMILIES for name, model in family.MODELS.items()}
