"""Tasks: how the command line opens the data of a kind of model, and what it prints of one. A file each."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lexgrad.cli.tasks.task import Task
    from lexgrad.models.base import Model


def task_of(model: Model | type[Model]) -> Task:
    """Return the task that a model says it is for, from the file of that name."""
    found: Task = import_module(f"{__name__}.{model.task}").TASK
    return found
