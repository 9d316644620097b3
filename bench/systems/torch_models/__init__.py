"""PyTorch: the models as modules, a file a family. Weights are stored as ``nn.Linear`` does, outputs by inputs."""

from __future__ import annotations

from bench.systems.torch_models import language, pooled, recurrent, tagging, toy
from bench.systems.torch_models.parts import Models

MODELS: Models = language.MODELS | pooled.MODELS | recurrent.MODELS | tagging.MODELS | toy.MODELS
