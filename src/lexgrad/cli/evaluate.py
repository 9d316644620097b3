"""`lexgrad evaluate`: measures of a saved model on labelled texts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lexgrad.cli.output import Output
from lexgrad.cli.reports import metrics_report
from lexgrad.cli.sources import open_labelled


def run_evaluate(run: Path, file: str, columns: Mapping[str, str], output: Output) -> None:
    """Print the metrics of the model in ``run`` on ``file``, the same object as train's "test"."""
    from lexgrad.models import load

    model = load(run)
    metrics = model.evaluate(open_labelled(file, columns))
    output.report(*metrics_report(file, metrics, output.width))
    output.result(metrics)
