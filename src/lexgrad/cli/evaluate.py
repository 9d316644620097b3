"""`lexgrad evaluate`: measures of a saved model on held-out data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lexgrad.cli.output import Output
from lexgrad.cli.progress import watching
from lexgrad.cli.tasks import task_of


def run_evaluate(run: Path, file: str, columns: Mapping[str, str], output: Output) -> None:
    """Print the metrics of the model in ``run`` on ``file``, the same object as train's "test"."""
    from lexgrad.models import load

    model = load(run)
    task = task_of(model)
    task.check_columns(columns)
    data = task.open(file, columns)
    with watching(output) as progress:
        metrics = model.evaluate(data, progress=progress)
    output.report(*task.metrics_report(file, metrics, output.width))
    if "calibration_error" in metrics:
        output.report("", f"expected calibration error: {metrics['calibration_error']:.4f}")
    output.result(metrics)
