"""Activation functions by name."""

from __future__ import annotations

from collections.abc import Callable

from lexgrad import ops
from lexgrad.errors import InputError, suggest
from lexgrad.graph import Node

ACTIVATIONS: dict[str, Callable[[Node], Node]] = {
    "tanh": ops.tanh,
    "sigmoid": ops.sigmoid,
    "relu": ops.relu,
    "identity": lambda z: z,
}
"""relu's derivative at 0 is 1, as in the lectures (PyTorch takes 0)."""


def activation(name: str) -> Callable[[Node], Node]:
    """Return the activation called ``name``.

    Raises:
        InputError: an unknown name.
    """
    if name not in ACTIVATIONS:
        raise InputError(f"activation is one of {', '.join(ACTIVATIONS)}; got {name!r}{suggest(name, ACTIVATIONS)}")
    return ACTIVATIONS[name]
