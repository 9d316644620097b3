"""Settings files: a model's settings as TOML, with comments that say where they come from."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lexgrad.errors import InputError
from lexgrad.models.settings import typed_settings

MODEL = "model"  # the key that names the model


@dataclass(frozen=True)
class SettingsFile:
    """What a file says.

    Attributes:
        path: where it is.
        model: the model that its settings are for, where it names one.
        values: the settings as TOML has them.
    """

    path: Path
    model: str | None
    values: Mapping[str, Any]

    def settings(self, model: type) -> dict[str, Any]:
        """Return the settings as ``model`` takes them: arrays are tuples, and the word "none" is None.

        Raises:
            InputError: the file is for another model, a key is no setting, or a value is not what the setting takes.
        """
        name = getattr(model, "name", model.__name__)
        if self.model is not None and self.model != name:
            raise InputError(f"{self.path}: key 'model': the settings are for {self.model}, not for {name}")
        read: dict[str, Any] = {}
        for key, value in self.values.items():
            try:
                read |= typed_settings(model, {key: value})
            except InputError as fault:
                raise InputError(f"{self.path}: key {key!r}: {fault}") from None
        return read


def read_settings(path: str | Path) -> SettingsFile:
    """Read a settings file; which settings a model has is checked by ``SettingsFile.settings``.

    Raises:
        InputError: there is no such file, it is not TOML, or its ``model`` is no name.
    """
    file = Path(path)
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as fault:
        reason = "there is no such file" if isinstance(fault, FileNotFoundError) else (fault.strerror or str(fault))
        raise InputError(f"{file}: {reason}; expected settings as TOML, such as epochs = 5") from None
    except UnicodeDecodeError as fault:
        raise InputError(f"{file}: byte {fault.start} is not UTF-8; settings are TOML, which is UTF-8") from None
    except tomllib.TOMLDecodeError as fault:
        raise InputError(f'{file}: not TOML: {fault}; expected lines such as epochs = 5 or pool = "max"') from None
    model = values.pop(MODEL, None)
    if model is not None and not isinstance(model, str):
        raise InputError(f"{file}: key 'model': expected a model's name such as \"ffnn\"; got {model!r}")
    return SettingsFile(file, model, values)


def settings_text(model: str, values: Mapping[str, Any], comment: Iterable[str] = ()) -> str:
    """Write settings as TOML that ``read_settings`` reads back; ``comment`` are lines that go first."""
    lines = [f"# {line}".rstrip() for line in comment]
    lines += [""] * bool(lines)
    lines += [f"{MODEL} = {_toml(model)}", ""]
    return "\n".join([*lines, *(f"{name} = {_toml(value)}" for name, value in values.items())]) + "\n"


def _toml(value: Any) -> str:
    if value is None:
        return '"none"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{json.dumps(str(key))} = {_toml(part)}' for key, part in value.items())} }}"
    return repr(value) if isinstance(value, int | float) else json.dumps(str(value), ensure_ascii=False)
