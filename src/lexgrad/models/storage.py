"""Models as directories, written whole or not at all. Nothing is ever unpickled."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError
from lexgrad.models.settings import settings_of
from lexgrad.train.run import CONFIG, FILES, PART, Run

if TYPE_CHECKING:
    from lexgrad.models.base import Model

Array = NDArray[Any]
ENCODER = "encoder."  # prefix of the names of an encoder's arrays; parameters have their plain names
FREE = ("epochs", "patience", "threads", "watch")  # settings that may change when a run is resumed


def load(path: str | Path, *, mapped: bool = False) -> Model:
    """Read a model from the directory that ``save`` or a training run wrote.

    Args:
        path: the directory.
        mapped: whether the arrays of a language model or of word vectors stay on disk until they are looked at: sooner,
            where few are. While the model is there, Windows does not let its file be replaced.

    Raises:
        InputError: it is missing, damaged, unfinished, or of a newer version.
    """
    run = Run.open(path)
    run.mapped = mapped
    config = run.config()
    model = from_config(config, run.path)
    try:
        model.read_from(run, config)
    except (KeyError, TypeError, AttributeError) as fault:
        raise InputError(f"{run.path / CONFIG} is damaged ({fault!r}); restore it or train again") from fault
    return model


def from_config(config: Mapping[str, Any], path: Path) -> Model:
    """Make the unfitted model that a config.json describes.

    Raises:
        InputError: it names an unknown model, or settings that the model does not have.
    """
    from lexgrad.models import model_named

    try:
        cls = model_named(config["model"])
        known = settings_of(cls)
        values = {name: _from_json(value) for name, value in config["settings"].items()}
    except (KeyError, TypeError, AttributeError, InputError) as fault:
        raise InputError(f"{path / CONFIG} is damaged or of another lexgrad ({fault})") from fault
    odd = sorted(values.keys() - known.keys())
    if odd:
        raise InputError(f"{path / CONFIG} has settings that {cls.__name__} does not know: {', '.join(odd)}")
    return cls(**values)


def save(model: Model, path: Path, *, overwrite: bool) -> None:
    """Write a fitted model to a directory, whole or not at all.

    Raises:
        InputError: the path is taken, or a part of the model is code.
    """
    model.require_storable()
    if path.is_file():
        raise InputError(f"{path} is a file; a model is saved as a directory")
    if path.is_dir() and any(path.iterdir()) and not overwrite:
        raise InputError(f"{path} is not empty; choose another directory, or overwrite=True")
    foreign = [item.name for item in path.iterdir() if not _is_ours(item.name)] if path.is_dir() else []
    if foreign:
        raise InputError(f"{path} holds other files ({', '.join(sorted(foreign)[:3])}); choose another directory")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent))
    try:
        partial.chmod(0o777 & ~_umask())
        model.write_into(Run(partial))
        _put(partial, path)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _is_ours(name: str) -> bool:
    """Whether a model's directory holds something of this name."""
    return name in FILES or (name.startswith(PART) and name.removeprefix(PART).isdecimal())


def _put(new: Path, path: Path) -> None:
    """Rename the new directory into place; what was there is moved aside first and removed last."""
    old = new.with_suffix(".old")
    if path.exists():
        path.rename(old)
    try:
        new.rename(path)
    except BaseException:
        if old.exists():
            old.rename(path)
        raise
    if old.exists():
        shutil.rmtree(old)


def _umask() -> int:
    import os

    mask = os.umask(0)
    os.umask(mask)
    return mask


def settings_to_json(model: Model) -> dict[str, Any]:
    """The settings of a model as config.json records them."""
    return {name: _to_json(value) for name, value in model.get_params(deep=False).items()}


def require_same(run: Run, config: Mapping[str, Any], model: Model, schedule: str) -> None:
    """Raise InputError where a run to resume was started with other settings, classes or data.

    A setting that the run does not know is newer than it: what it did is what the default does.

    Args:
        run: what is to be resumed.
        config: what it would be started with now.
        model: what is trained.
        schedule: the kind of schedule: with "constant" the number of epochs is free.
    """
    old = run.config()
    if old.get("model") != config["model"]:
        raise InputError(f"{run.path} holds a {old.get('model')} model; cannot resume it as {config['model']}")
    before, now = settings_to_json(type(model)()) | old.get("settings", {}), config["settings"]
    for name in now:
        if before.get(name) != now[name] and (name not in FREE or (name == "epochs" and schedule != "constant")):
            why = " (its learning-rate schedule depends on them)" if name == "epochs" else ""
            raise InputError(
                f"{run.path} was started with {name}={before.get(name)!r}; cannot resume it with {now[name]!r}{why}"
            )
    if old.get("classes") != config.get("classes"):
        raise InputError(f"{run.path} was started on other classes; resume it with the data it began with")
    begun, given = old.get("data") or {}, config.get("data") or {}
    for which, called in (("train", "training data"), ("dev", "dev data")):
        if begun.get(which) != given.get(which):
            without = " (none)" if not begun.get(which) else ""
            raise InputError(f"{run.path} was started with other {called}{without}; resume it with those it began with")


def _to_json(value: Any) -> Any:
    """A setting as JSON; without vectors given in memory, which the trained embedding holds, and without functions."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple | list) and all(isinstance(item, int | np.integer | str) for item in value):
        return [item if isinstance(item, str) else int(item) for item in value]
    if isinstance(value, Mapping) and not any(map(callable, value.values())):
        return {"labels": [[_to_json(label), float(weight)] for label, weight in value.items()]}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return None


def _from_json(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    if isinstance(value, dict):
        with contextlib.suppress(KeyError, ValueError, TypeError):
            return {label: weight for label, weight in value["labels"]}  # noqa: C416
        raise TypeError(f"a setting cannot be {value!r:.60}")
    return value
