"""Settings of models: how they are declared, listed, read from text and checked."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import math
from collections.abc import Iterable, Mapping
from typing import Any

from lexgrad.errors import InputError, suggest


def setting(
    default: Any, help: str, *, choices: tuple[str, ...] = (), least: float | None = None, search: str = ""
) -> Any:
    """Declare a dataclass field that is a model's setting.

    Args:
        default: its default value (immutable).
        help: one line for people, shown by ``lexgrad models``.
        choices: the words that a textual value may be.
        least: the smallest number allowed.
        search: where a search looks if it is not told, as ``experiments.spaces`` reads it; empty: it does not.
    """
    metadata = {"help": help, "choices": choices, "least": least, "search": search}
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True)
class Setting:
    """One setting of a model, for listings and for ``--set name=value``."""

    name: str
    default: Any
    help: str
    choices: tuple[str, ...]
    least: float | None
    kind: str
    search: str = ""


def settings_of(model: type) -> dict[str, Setting]:
    """Return the settings of a model class by name: its own first, then those of each class below it."""
    order = [own for cls in model.__mro__ for own in inspect.get_annotations(cls)]
    fields = sorted(dataclasses.fields(model), key=lambda field: order.index(field.name))
    return {
        field.name: Setting(
            field.name,
            field.default,
            field.metadata["help"],
            field.metadata["choices"],
            field.metadata["least"],
            str(field.type),
            field.metadata["search"],
        )
        for field in fields
        if "help" in field.metadata
    }


def parse_settings(model: type, texts: Mapping[str, str]) -> dict[str, Any]:
    """Read ``name=value`` pairs given as text: ``{"epochs": "5", "ngrams": "1,2", "optimizer": "sgd"}``.

    Numbers, True/False, None, tuples such as ``1,2`` or ``(1, 2)`` and dicts such as ``{"a": 2}`` are read as Python
    literals (``true``, ``false`` and ``none`` in any case too), anything else is a word.

    Raises:
        InputError: a name is not a setting of the model, or a value is not what the setting takes.
    """
    return typed_settings(model, {name: _literal(text) for name, text in texts.items()})


def typed_settings(model: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Bring settings that are nearly of the right kind to it: 1 is a fine float, a list a tuple, "none" None.

    Raises:
        InputError: a name is not a setting of the model, or a value is not what the setting takes.
    """
    plain = {name: None if _is_none(value) else value for name, value in values.items()}
    check_settings(model, plain)
    known = settings_of(model)
    return {name: _as_declared(known[name], value) for name, value in plain.items()}


def check_settings(model: type, values: Mapping[str, Any]) -> None:
    """Check names, kinds, choices and lower bounds of settings.

    Raises:
        InputError: with the setting, what it takes and what came.
    """
    known = require_known(model, values)
    for name, value in values.items():
        _check(model.__name__, known[name], value)


def require_known(model: type, names: Iterable[str]) -> dict[str, Setting]:
    """Return the settings of a model, if those names are among theirs.

    Raises:
        InputError: one is not.
    """
    known = settings_of(model)
    for name in names:
        if name not in known:
            raise InputError(
                f"{model.__name__} has no setting {name!r}{suggest(name, known)}; its settings: {', '.join(known)}"
            )
    return known


def _literal(text: str) -> Any:
    word = text.strip()
    constants = {"true": True, "false": False, "none": None}
    if word.lower() in constants:
        return constants[word.lower()]
    try:
        return ast.literal_eval(word)
    except (ValueError, SyntaxError):
        return word


def _is_none(value: Any) -> bool:
    """TOML has no null; the command line's word for it does as well."""
    return isinstance(value, str) and value.strip().lower() == "none"


def _as_declared(declared: Setting, value: Any) -> Any:
    """Numbers become the declared kind: 1 is a fine float, and a single order is a tuple of one."""
    kinds = kinds_of(declared)
    if isinstance(value, int) and not isinstance(value, bool):
        if "int" not in kinds and "float" in kinds:
            return float(value)
        if "int" not in kinds and "tuple" in kinds:
            return (value,)
    return tuple(value) if isinstance(value, list) else value


def kinds_of(declared: Setting) -> set[str]:
    """Return the type names of an annotation such as ``int | tuple[int, ...] | None``."""
    outer = declared.kind.replace("tuple[int, ...]", "tuple").replace("dict[Any, float]", "dict")
    return {part.strip() for part in outer.split("|")}


_BESIDE_WORDS = {"float": "a number", "dict": "a dict such as {'spam': 2}"}  # from label to weight
_PYTHON = {"int": int, "float": (int, float), "bool": bool, "str": str, "tuple": (tuple, list), "dict": dict}


def _check(model: str, declared: Setting, value: Any) -> None:
    kinds = kinds_of(declared)
    if value is None and kinds & {"Any", "None"}:
        return
    named = f"setting {declared.name!r} of {model}"
    if isinstance(value, str) and declared.choices:
        if value not in declared.choices:
            further = "".join(f", or {words}" for kind, words in _BESIDE_WORDS.items() if kind in kinds)
            raise InputError(
                f"{named} is one of {', '.join(declared.choices)}{further}; got {value!r}"
                f"{suggest(value, declared.choices)}"
            )
        return
    if "Any" in kinds:
        return
    if not any(_is(value, kind) for kind in kinds):
        wanted = " or ".join(sorted(kinds))
        raise InputError(f"{named} takes {wanted}; got {value!r} ({type(value).__name__})")
    _check_numbers(named, declared, value)


def _check_numbers(named: str, declared: Setting, value: Any) -> None:
    numbers = value if isinstance(value, tuple | list) else [value]
    for number in numbers:
        if isinstance(value, tuple | list) and not _is(number, "int"):
            raise InputError(f"{named} takes whole numbers; got {value!r}")
        if _is(number, "float") and not math.isfinite(number):
            raise InputError(f"{named} is a finite number; got {number}")
        if declared.least is not None and _is(number, "float") and number < declared.least:
            raise InputError(f"{named} is at least {declared.least:g}; got {value!r}")


def _is(value: Any, kind: str) -> bool:
    python = _PYTHON.get(kind)
    if python is None:
        return False
    if kind == "bool":
        return isinstance(value, bool) or type(value).__name__ == "bool_"
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:  # NumPy scalars, as a grid search gives them
        value = value.item()
    return isinstance(value, python) and not isinstance(value, bool)  # type: ignore[arg-type]
