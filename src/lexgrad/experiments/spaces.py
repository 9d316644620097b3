"""Where a search looks: ranges and choices of settings, read from text such as ``learning_rate=1e-4..1e-1:log``."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from lexgrad.errors import InputError, suggest
from lexgrad.models.settings import Setting, check_settings, kinds_of, parse_settings, settings_of


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, both included.

    Attributes:
        low: the smallest.
        high: the largest.
        whole: whether they are whole numbers.
        log: whether each factor is as likely as any other, and not each difference.
        step: the distance between neighbours; None is 1 for whole numbers, and any number otherwise.
    """

    low: float
    high: float
    whole: bool
    log: bool = False
    step: float | None = None

    def __str__(self) -> str:
        kind = ":log" if self.log else f":{self.step:g}" if self.step is not None else ""
        return f"{self.low:g}..{self.high:g}{kind}"


@dataclass(frozen=True)
class Choices:
    """A few values, by the words that ``--set`` takes for them."""

    words: tuple[str, ...]

    def __str__(self) -> str:
        return ("|" if any("," in word for word in self.words) else ",").join(self.words)


Space: TypeAlias = Range | Choices


def default_spaces(model: type) -> dict[str, Space]:
    """The spaces that a model's settings declare beside their defaults, but for those that it says are not searched."""
    declared = {name: setting.search for name, setting in settings_of(model).items() if setting.search}
    left_out = getattr(model, "not_searched", ())
    return {name: parse_space(model, name, text) for name, text in declared.items() if name not in left_out}


def given_spaces(model: type, items: Iterable[str]) -> dict[str, Space]:
    """Read ``--space`` items: ``"dropout=0..0.6"``, ``"units=50..400:50"``, ``"pool=mean,max"``, ``"ngrams=1|1,2"``.

    Raises:
        InputError: an item without ``=``, a name that is no setting or comes twice, or what ``parse_space`` refuses.
    """
    spaces: dict[str, Space] = {}
    known = settings_of(model)
    for item in items:
        name, equals, text = item.partition("=")
        name = name.strip()
        if not equals or not text.strip():
            raise InputError(f"--space {item}: expected name=low..high, name=low..high:log, or name=a,b,c")
        if name not in known:
            raise InputError(f"--space {item}: {model.__name__} has no setting {name!r}{suggest(name, known)}")
        if name in spaces:
            raise InputError(f"--space {name}: given twice, as {spaces[name]} and as {text.strip()}")
        spaces[name] = parse_space(model, name, text)
    return spaces


def parse_space(model: type, name: str, text: str) -> Space:
    """Read the space of one setting.

    ``low..high`` is a range, ``low..high:log`` one on a logarithmic scale, ``low..high:step`` one in steps; ``a,b,c``
    are choices, and so are ``1|1,2``, where commas are part of a value.

    Raises:
        InputError: it is neither, or the setting does not take every value in it.
    """
    setting = settings_of(model)[name]
    low, dots, rest = text.strip().partition("..")
    if not dots:
        words = tuple(word.strip() for word in text.split("|" if "|" in text else ",") if word.strip())
        return _checked_choices(model, name, words, text)
    high, _, kind = rest.partition(":")
    try:
        numbers = float(low), float(high)
        step = None if kind in ("", "log") else float(kind)
    except ValueError:
        raise InputError(
            f"space of {name!r}: {text.strip()} is no range; expected low..high, low..high:log or low..high:step"
        ) from None
    return _checked_range(model, setting, numbers, step, log=kind == "log")


def _checked_range(model: type, setting: Setting, ends: tuple[float, float], step: float | None, *, log: bool) -> Range:
    low, high = ends
    kinds = kinds_of(setting)
    where = f"space of {setting.name!r}"
    if not kinds & {"int", "float"}:
        raise InputError(f"{where}: a range is for numbers, and this setting takes {' or '.join(sorted(kinds))}")
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise InputError(f"{where}: expected a range from low to high; got {low:g}..{high:g}")
    if log and low <= 0:
        raise InputError(f"{where}: a logarithmic range begins above 0; got {low:g}..{high:g}:log")
    if step is not None and not 0 < step <= high - low:
        raise InputError(f"{where}: expected a step between 0 and {high - low:g}; got {step:g}")
    whole = "float" not in kinds
    odd = [end for end in (low, high, step or 1.0) if end != int(end)]
    if whole and odd:
        raise InputError(f"{where}: this setting takes whole numbers; got {odd[0]:g}")
    for end in ends:
        check_settings(model, {setting.name: int(end) if whole else end})
    return Range(low, high, whole, log, step)


def _checked_choices(model: type, name: str, words: tuple[str, ...], text: str) -> Choices:
    if not words or len(set(words)) < len(words):
        raise InputError(f"space of {name!r}: expected different values such as a,b,c; got {text.strip()!r}")
    for word in words:
        parse_settings(model, {name: word})
    return Choices(words)


def settings_at(model: type, point: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of one point of a search: numbers as they are, words as ``--set`` reads them.

    Raises:
        InputError: a setting does not take its value.
    """
    texts = {name: value if isinstance(value, str) else repr(value) for name, value in point.items()}
    return parse_settings(model, texts)
