"""Where a training stands: everything that is needed to go on as if it had never stopped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from lexgrad.errors import InputError
from lexgrad.files import write_whole
from lexgrad.train.tensor_file import KINDS, write_tensor_file

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Position:
    """A state of training.

    A step updates the arrays in place, then the position is replaced as a whole; signals are held back meanwhile (see
    ``train.interrupts``), so a Ctrl-C always finds a consistent one.

    Attributes:
        parameters: the weights now, by name.
        state: the optimiser's state, by name.
        epoch: epochs completed.
        step: steps done of the epoch under way.
        updates: steps done in all; the optimiser's and the schedule's clock.
        loss_sum: sum over the examples of this epoch so far of their loss.
        examples: how many examples this epoch has seen so far.
        tokens: how many tokens this epoch has seen so far.
        seconds: how long this epoch has taken so far.
        averaged: the mean of the weights up to here; None where none is asked for, and before its first reading.
        best: the weights of the best epoch on the dev set; empty without one.
        best_value: its value of the watched metric (larger is better), None before the first.
        worse: epochs since the best one.
        rows: the rows of metrics.jsonl up to here.
        stopped_early: patience ran out.
        health: what a watch recorded up to here; see ``lexgrad.train.watching.Watch``.
    """

    parameters: Arrays
    state: Arrays
    epoch: int = 0
    step: int = 0
    updates: int = 0
    loss_sum: float = 0.0
    examples: int = 0
    tokens: int = 0
    seconds: float = 0.0
    averaged: Arrays | None = None
    best: Arrays | None = None
    best_value: float | None = None
    worse: int = 0
    rows: tuple[Mapping[str, Any], ...] = ()
    stopped_early: bool = False
    health: tuple[Mapping[str, Any], ...] = ()

    @property
    def measured(self) -> Arrays:
        """The weights that count now: their mean where there is one."""
        return self.parameters if self.averaged is None else self.averaged

    @property
    def kept(self) -> Arrays:
        """The weights that a training ends with: the best on a dev set, or those now."""
        return self.measured if self.best is None else self.best


_GROUPS = ("parameters", "state", "averaged", "best")
_NUMBERS = tuple(field.name for field in fields(Position) if field.name not in _GROUPS)


def save_position(path: Path, position: Position) -> None:
    """Write a position as one safetensors file, whole or not at all."""
    tensors = {
        f"{group}/{name}": np.asarray(array, order="C")
        for group in _GROUPS
        for name, array in (getattr(position, group) or {}).items()
    }
    numbers = json.dumps({name: getattr(position, name) for name in _NUMBERS})
    write_tensors(path, tensors, {"position": numbers})


def load_position(path: Path) -> Position:
    """Read what ``save_position`` wrote.

    Raises:
        InputError: the file is missing or damaged.
    """
    tensors, notes = read_tensors(path)
    try:
        numbers = json.loads(notes["position"])
        numbers |= {name: tuple(numbers.get(name, ())) for name in ("rows", "health")}
        groups: dict[str, dict[str, NDArray[Any]]] = {group: {} for group in _GROUPS}
        for key, array in tensors.items():
            group, _, name = key.partition("/")
            groups[group][name] = array
        return Position(
            parameters=groups["parameters"],
            state=groups["state"],
            averaged=groups["averaged"] or None,
            best=groups["best"] or None,
            **numbers,
        )
    except (KeyError, TypeError, ValueError) as fault:
        raise InputError(f"{path} is not a checkpoint of lexgrad ({fault}); train again with overwrite") from fault


def write_tensors(path: Path, tensors: Arrays, notes: Mapping[str, str] | None = None) -> None:
    """Write arrays by name as safetensors, whole or not at all."""
    write_whole(path, lambda partial: write_tensor_file(partial, tensors, notes or {}))


def read_tensors(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Read arrays and notes from a safetensors file.

    Raises:
        InputError: the file is missing or damaged.
    """
    if not path.is_file():
        raise InputError(f"{path} is missing; give the directory that a finished training wrote")
    try:
        with safe_open(str(path), framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as fault:
        raise InputError(f"{path} is damaged ({fault}); restore it or train again with overwrite") from fault


_WIDTHS = {kind: width for width, kind in KINDS.items()}


def map_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a safetensors file as it lies on disk: what is not looked at is not read.

    What is written to such an array stays in memory; the file is not changed.

    Raises:
        InputError: the file is missing or damaged.
    """
    if not path.is_file():
        raise InputError(f"{path} is missing; give the directory that a finished training wrote")
    try:
        with safe_open(str(path), framework="numpy"):  # checks the heading against the file
            pass
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            heading = json.loads(file.read(size))
        return {name: _mapped(path, 8 + size, entry) for name, entry in heading.items() if name != "__metadata__"}
    except (SafetensorError, OSError, ValueError, KeyError) as fault:
        raise InputError(f"{path} is damaged ({fault}); restore it or train again with overwrite") from fault


def _mapped(path: Path, begin: int, entry: Mapping[str, Any]) -> NDArray[Any]:
    dtype, shape = np.dtype(_WIDTHS[entry["dtype"]]), tuple(entry["shape"])
    if 0 in shape:
        return np.zeros(shape, dtype)
    return np.asarray(np.memmap(path, dtype, "c", begin + entry["data_offsets"][0], shape))
