"""A model's settings as the command line gives and shows them: `--set name=value` and train's options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lexgrad.errors import InputError
from lexgrad.models.settings import Setting, parse_settings

WORDS = {
    "int": "whole number",
    "float": "number",
    "bool": "true, false",
    "str": "text",
    "tuple[int, ...]": "whole numbers such as 1 or 1,2",
    "dict[Any, float]": "a dict such as {'spam': 2}",
    "None": "none",
}


def given_settings(
    model: type, items: Sequence[str], options: Mapping[str, Any], file: Path | None = None
) -> dict[str, Any]:
    """Read ``--set`` items such as ``"ngrams=1,2"`` and add the options of the same meaning that were given.

    What a settings file says holds where neither says otherwise.

    Raises:
        InputError: an item without ``=``, a setting given twice, or what ``parse_settings`` refuses; or the file.
    """
    filed: dict[str, Any] = {}
    if file is not None:
        from lexgrad.models.settings_files import read_settings

        filed = read_settings(file).settings(model)
    texts: dict[str, str] = {}
    for item in items:
        name, equals, text = item.partition("=")
        name = name.strip()
        if not equals:
            raise InputError(f"--set {item}: expected name=value")
        if name in texts:
            raise InputError(f"--set {name}: given twice, as {texts[name]} and as {text.strip()}")
        texts[name] = text.strip()
    chosen = {name: value for name, value in options.items() if value is not None}
    if twice := sorted(texts.keys() & chosen.keys()):
        raise InputError(f"--{twice[0]} and --set {twice[0]} say the same thing: give one of them")
    options_as_text = {name: as_text(value) for name, value in chosen.items()}
    return filed | parse_settings(model, texts | options_as_text)


def takes(setting: Setting) -> str:
    """What a setting takes, in a few words: ``whole number or none, at least 1``."""
    kinds = [part.strip() for part in setting.kind.split("|")]
    if "tuple[int, ...]" in kinds and "int" in kinds:
        kinds.remove("int")  # the longer form covers it
    if setting.choices:
        words = [", ".join(setting.choices)] + [
            WORDS[kind] for kind in kinds if kind in ("int", "float", "dict[Any, float]")
        ]
        words += ["none"] * (setting.default is None or "None" in kinds)
    else:
        words = [WORDS.get(kind, "see meaning") for kind in kinds]
    least = "" if setting.least is None else f", at least {setting.least:g}"
    return " or ".join(words) + least


def as_text(value: Any) -> str:
    """A value as ``--set`` takes it: ``1,2``, ``true``, ``none``."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ",".join(as_text(part) for part in value) or "()"
    return str(value)
