"""`lexgrad show`: what is in a run directory, without training or predicting anything."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lexgrad.cli.output import Output
from lexgrad.cli.reports import decimal, table
from lexgrad.cli.settings import as_text
from lexgrad.errors import InputError
from lexgrad.models.storage import ENCODER
from lexgrad.train.run import CHECKPOINT, CONFIG, MODEL, Run


def run_show(path: Path, output: Output) -> None:
    """Print configuration, parameters with shapes, and the metrics of every epoch."""
    run = Run.open(path)
    config, rows = run.config(), run.read_metrics()
    finished = (path / MODEL).is_file()
    parameters = (
        [
            {"name": name, "shape": list(array.shape), "dtype": str(array.dtype)}
            for name, array in run.read_model().items()
            if not name.startswith(ENCODER)
        ]
        if finished or not (path / CHECKPOINT).is_file()
        else []
    )
    output.report(f"{path}: {config.get('model')}, written by lexgrad {config.get('lexgrad')}", "")
    output.report(_configuration(config), "")
    if parameters:
        output.report(_parameters(parameters), "")
    else:
        output.report("its training is not finished: continue it with lexgrad train ... --resume", "")
    if rows:
        output.report(_history(rows))
    output.result({"run": str(path), "config": config, "parameters": parameters, "metrics": rows})


def _configuration(config: Mapping[str, Any]) -> Any:
    classes = [str(name) for name in _part(config, "classes").get("values", ())]
    rows = [("classes", ", ".join(classes))] if classes else []
    rows += [(name, as_text(value)) for name, value in _part(config, "settings").items()]
    return table(("setting", "value"), rows, text_columns=(0, 1))


def _part(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A group of the configuration; every run has it."""
    part = config.get(name)
    if not isinstance(part, dict):
        raise InputError(f"{CONFIG} is damaged: {name!r} should be a group of names and values, got {part!r:.60}")
    return part


def _parameters(parameters: Sequence[Mapping[str, Any]]) -> Any:
    rows = [
        (row["name"], " × ".join(map(str, row["shape"])) or "1", row["dtype"], f"{math.prod(row['shape']):,}")
        for row in parameters
    ]
    total = sum(math.prod(row["shape"]) for row in parameters)
    return table(("parameter", "shape", "type", "numbers"), [*rows, ("total", "", "", f"{total:,}")])


def _history(rows: Sequence[Mapping[str, Any]]) -> Any:
    """One line an epoch; columns for the dev set only where there was one."""
    columns = {
        "loss": "loss",
        "dev_loss": "dev loss",
        "dev_accuracy": "dev accuracy",
        "dev_macro_f1": "dev macro F1",
    }
    present = {key: name for key, name in columns.items() if any(key in row for row in rows)}
    lines = [
        (
            f"{row['epoch']}{' *' if row.get('best') and len(present) > 1 else ''}",
            *(decimal(row.get(key)) for key in present),
            f"{row.get('seconds', 0.0):.2f}",
        )
        for row in rows
    ]
    return table(("epoch", *present.values(), "seconds"), lines)
