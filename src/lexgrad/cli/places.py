"""Where runs lie: the default directory of a training, and what may be done with one that exists."""

from __future__ import annotations

import itertools
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lexgrad.errors import InputError
from lexgrad.train.run import CHECKPOINT, FILES, MODEL, Run

RUNS = Path("runs")
ASIDE = ".replaced"


def stem(source: str) -> str:
    """A name for a source: ``sst2_train`` for ``data/sst2_train.csv.gz``, ``docs`` for ``builtin:docs``."""
    if source == "-":
        return "stdin"
    name = source.removeprefix("builtin:") if source.startswith("builtin:") else Path(source).name
    name = re.sub(r"\.gz$", "", name, flags=re.IGNORECASE)
    name = re.sub(r"(?<=.)\.\w+$", "", name)
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "data"


@contextmanager
def opened_run(model: str, source: str, out: Path | None, *, resume: bool, overwrite: bool) -> Iterator[Run]:
    """The run to train into. A directory that was made here and has stayed empty is taken away again.

    Raises:
        InputError: the directory holds a run and neither resume nor overwrite was asked for; or both were;
            or there is nothing to resume.

    A run that is replaced is kept until the new one has saved something, and comes back if it never does. Where a fault
    shows before anything was trained, what was written until then is taken away.
    """
    if resume and overwrite:
        raise InputError("--resume and --overwrite contradict each other: continue the run, or replace it")
    name = f"{model}-{stem(source)}"
    if resume:
        yield Run.resume(out or _latest(name))
        return
    path, fresh = (_claim(name), True) if out is None else (out, not out.exists())
    if out is not None and not overwrite and any((path / file).exists() for file in FILES):
        raise InputError(
            f"{path} already holds a run: continue it with --resume, replace it with --overwrite, "
            "or choose another --out"
        )
    try:
        with _kept_aside(path):
            yield Run.create(path, overwrite=overwrite)
    finally:
        if fresh and path.is_dir() and not any(path.iterdir()):
            path.rmdir()


@contextmanager
def _kept_aside(path: Path) -> Iterator[None]:
    """Keep the files of a run that is to be replaced until its successor is saved; put them back if it never is."""
    aside = path / ASIDE
    if _is_saved(path):
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        for file in FILES:
            if (path / file).exists():
                (path / file).replace(aside / file)
    try:
        yield
    except BaseException:
        if path.is_dir() and not _is_saved(path):
            for file in FILES:
                (path / file).unlink(missing_ok=True)
            for kept in list(aside.iterdir()) if aside.is_dir() else []:
                kept.replace(path / kept.name)
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _is_saved(path: Path) -> bool:
    """Whether there is something in a run's directory that somebody trained."""
    return (path / MODEL).exists() or (path / CHECKPOINT).exists()


@contextmanager
def opened_folder(
    model: str, source: str, out: Path | None, mark: str, *, resume: bool, overwrite: bool
) -> Iterator[Path]:
    """The directory of several trainings, which the file ``mark`` in it tells apart from a run; see ``opened_run``.

    Raises:
        InputError: as ``opened_run``.
    """
    if resume and overwrite:
        raise InputError("--resume and --overwrite contradict each other: continue the runs, or replace them")
    name = f"{model}-{stem(source)}"
    path, fresh = (
        (out, not out.exists()) if out is not None else (_latest(name), False) if resume else (_claim(name), True)
    )
    if path.is_file():
        raise InputError(f"{path} is a file; several trainings need a directory")
    if resume:
        if not (path / mark).is_file():
            raise InputError(f"nothing to resume: {path} has no {mark}; name the directory with --out")
    elif not overwrite and any((path / file).exists() for file in (*FILES, mark)):
        raise InputError(
            f"{path} is taken already: continue with --resume, replace it with --overwrite, or choose another --out"
        )
    path.mkdir(parents=True, exist_ok=True)
    try:
        yield path
    finally:
        if fresh and path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def _claim(name: str) -> Path:
    """Make the first of ``runs/<name>-1``, ``-2`` ... that is free; two trainings never get the same."""
    if RUNS.is_file():
        raise InputError(f"{RUNS} is a file; runs are saved in a directory of that name, or in --out")
    for number in itertools.count(1):
        path = RUNS / f"{name}-{number}"
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            continue
        return path
    raise AssertionError("there is always a next number")


def _latest(name: str) -> Path:
    """The run with the highest number among those of this name."""
    numbered = [
        (int(path.name.removeprefix(f"{name}-")), path)
        for path in RUNS.glob(f"{name}-*")
        if path.name.removeprefix(f"{name}-").isdecimal()
    ]
    if not numbered:
        raise InputError(f"nothing to resume: there is no {RUNS / name}-1; name the run with --out")
    return max(numbered)[1]
