"""A run directory: configuration, model, tokenizer, metrics, health and checkpoint, each written whole."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from lexgrad.errors import InputError
from lexgrad.files import write_text_whole
from lexgrad.train.position import Position, load_position, map_tensors, read_tensors, save_position, write_tensors
from lexgrad.version import __version__

FORMAT = 1

CONFIG, MODEL, TOKENIZER = "config.json", "model.safetensors", "tokenizer.json"
METRICS, HEALTH, CHECKPOINT = "metrics.jsonl", "health.jsonl", "checkpoint.safetensors"
LEARNED = "learned.json"
FILES = (CONFIG, MODEL, TOKENIZER, METRICS, HEALTH, LEARNED, CHECKPOINT)
PART = "part-"
"""What the directories of a mixture's models are called, with their number behind it."""


class Run:
    """The directory of one training. Make one with ``Run.create`` or ``Run.resume``, read one with ``Run.open``.

    Attributes:
        path: the directory.
        resuming: whether training continues from the checkpoint that is there.
        mapped: whether the arrays of a model that is read stay on disk until they are looked at.
    """

    def __init__(self, path: str | Path, *, resuming: bool = False) -> None:
        self.path = Path(path)
        self.resuming = resuming
        self.mapped = False

    @classmethod
    def create(cls, path: str | Path, *, overwrite: bool = False) -> Run:
        """Prepare a directory for a new training.

        Raises:
            InputError: the directory holds a run already and ``overwrite`` is false, or the path is a file.
        """
        run = cls(path)
        if run.path.exists() and not run.path.is_dir():
            raise InputError(f"{run.path} is a file; a run needs a directory")
        present = [name for name in FILES if (run.path / name).exists()]
        if present and not overwrite:
            raise InputError(
                f"{run.path} already holds a run ({', '.join(present)}); choose another, resume it, or overwrite"
            )
        run.path.mkdir(parents=True, exist_ok=True)
        for name in present:  # config.json goes first: from then on the rest is no run
            (run.path / name).unlink()
        return run

    @classmethod
    def resume(cls, path: str | Path) -> Run:
        """Open a run to continue its training.

        Raises:
            InputError: there is no run, or it is damaged or of a newer version.
        """
        run = cls.open(path)
        run.resuming = True
        return run

    @classmethod
    def open(cls, path: str | Path) -> Run:
        """Open a run, or a directory that a model was saved to, for reading.

        Raises:
            InputError: there is no run, or it is damaged or of a newer version.
        """
        run = cls(path)
        run.config()
        return run

    def config(self) -> dict[str, Any]:
        """Return config.json: format, lexgrad, model, settings, classes, encoder, data.

        Raises:
            InputError: it is missing, damaged, or of a newer version.
        """
        file = self.path / CONFIG
        if not file.is_file():
            what = "no such directory" if not self.path.exists() else f"it has no {CONFIG}"
            inside = sorted(str(found.parent) for found in self.path.glob(f"*/{CONFIG}"))
            runs = f"; runs in it: {', '.join(inside[:3])}{', ...' * (len(inside) > 3)}" if inside else ""
            raise InputError(f"{self.path} is not a run directory: {what}{runs}")
        try:
            config = json.loads(file.read_text(encoding="utf-8"))
            written = config["format"]
        except (ValueError, KeyError, TypeError) as fault:
            raise InputError(f"{file} is damaged ({fault!r}); restore it or train again with overwrite") from fault
        if not isinstance(written, int) or written > FORMAT:
            raise InputError(
                f"{file} has format {written!r} (written by lexgrad {config.get('lexgrad', '?')}); this lexgrad"
                f" {__version__} reads up to {FORMAT}: upgrade lexgrad"
            )
        return dict(config)

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Write config.json, adding the format's and lexgrad's version."""
        whole = {"format": FORMAT, "lexgrad": __version__, **config}
        write_text_whole(self.path / CONFIG, json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False) + "\n")

    def write_model(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        """Write model.safetensors."""
        write_tensors(self.path / MODEL, tensors)

    def read_model(self, *, mapped: bool = False) -> dict[str, NDArray[Any]]:
        """Return the arrays of model.safetensors; ``mapped`` ones stay on disk until they are looked at.

        Raises:
            InputError: it is missing (training has not come so far) or damaged.
        """
        if not (self.path / MODEL).is_file() and (self.path / CHECKPOINT).is_file():
            raise InputError(f"{self.path} has a checkpoint but no {MODEL}: its training is not finished; resume it")
        return map_tensors(self.path / MODEL) if mapped or self.mapped else read_tensors(self.path / MODEL)[0]

    def write_learned(self, learned: Mapping[str, Any]) -> None:
        """Write learned.json: what a model found out about its training texts."""
        write_text_whole(self.path / LEARNED, json.dumps(learned, ensure_ascii=False, allow_nan=False) + "\n")

    def read_learned(self) -> dict[str, Any]:
        """Return learned.json; nothing where there is no such file.

        Raises:
            InputError: it is damaged.
        """
        file = self.path / LEARNED
        if not file.is_file():
            return {}
        try:
            return dict(json.loads(file.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as fault:
            raise InputError(f"{file} is damaged ({fault})") from fault

    def write_metrics(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write metrics.jsonl anew from all rows, so that a resumed run neither loses nor repeats one."""
        self._write_rows(METRICS, rows)

    def write_health(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Write health.jsonl anew from all records of a ``train.watching.Watch``; nothing where there are none."""
        rows = list(records)
        if rows:
            self._write_rows(HEALTH, rows)

    def _write_rows(self, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        write_text_whole(self.path / name, lines)

    def read_metrics(self) -> list[dict[str, Any]]:
        """Return the rows of metrics.jsonl; none where there is no such file.

        Raises:
            InputError: a line is damaged.
        """
        return self._read_rows(METRICS)

    def read_health(self) -> list[dict[str, Any]]:
        """Return the records of health.jsonl; none where there is no such file, for nobody watched the training.

        Raises:
            InputError: a line is damaged.
        """
        return self._read_rows(HEALTH)

    def _read_rows(self, name: str) -> list[dict[str, Any]]:
        file = self.path / name
        if not file.is_file():
            return []
        rows = []
        for number, line in enumerate(file.read_bytes().split(b"\n"), 1):
            if not line:
                continue
            try:
                rows.append(json.loads(line))
            except ValueError as fault:
                raise InputError(f"{file} line {number} is damaged ({fault})") from fault
        return rows

    def save(self, position: Position) -> Path:
        """Write the checkpoint, then metrics.jsonl and health.jsonl from it; returns the checkpoint's path."""
        save_position(self.path / CHECKPOINT, position)
        self.write_metrics(position.rows)
        self.write_health(position.health)
        return self.path / CHECKPOINT

    def load(self) -> Position | None:
        """Return the position of the checkpoint; None where the run was stopped before its first one.

        Raises:
            InputError: the checkpoint is damaged.
        """
        file = self.path / CHECKPOINT
        return load_position(file) if file.is_file() else None
