"""A model's settings as the command line gives and shows them: `--set name=value` and train's options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lexgrad.errors import InputError
from lexgrad.models.settings import Setting, parse_settings


def given_settings(model: type, items: Sequence[str], options: Mapping[str, Any]) -> dict[str, Any]:
    """Read ``--set`` items such as ``"ngrams=1,2"`` and add the options of the same meaning that were given.

    Raises:
        InputError: an item without ``=``, a setting given twice, or what ``parse_settings`` refuses.
    """
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
    return parse_settings(model, texts | options_as_text)


def takes(setting: Setting) -> str:
    """What a setting takes, in a few words: ``int | None, at least 1``."""
    kind = "" if setting.kind == "Any" else setting.kind
    parts = ["one of " + ", ".join(setting.choices)] if setting.choices else [kind or "see help"]
    if setting.least is not None:
        parts.append(f"at least {setting.least:g}")
    return ", ".join(parts)


def as_text(value: Any) -> str:
    """A value as ``--set`` takes it: ``1,2``, ``true``, ``none``."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ",".join(as_text(part) for part in value)
    return str(value)
