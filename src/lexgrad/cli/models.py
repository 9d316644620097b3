"""`lexgrad models`: what MODEL can be, and every setting with its default and meaning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lexgrad.cli.output import Output
from lexgrad.cli.reports import table
from lexgrad.cli.settings import as_text, takes
from lexgrad.models import MODELS, model_named
from lexgrad.models.settings import Setting, settings_of

if TYPE_CHECKING:
    from rich.console import RenderableType


def run_models(only: str | None, output: Output) -> None:
    """Print the models, or one of them, with their settings; what all have in common is printed once."""
    chosen = MODELS if only is None else {only: model_named(only)}
    known = {name: list(settings_of(class_).values()) for name, class_ in chosen.items()}
    shared = [setting for setting in next(iter(known.values())) if all(setting in own for own in known.values())]
    several = len(chosen) > 1
    for name, class_ in chosen.items():
        own = [setting for setting in known[name] if not several or setting not in shared]
        output.report(f"{name}: {_summary(class_)}", *_settings(own), "")
    if several:
        output.report("Settings of every model:", *_settings(shared), "")
        output.report("Give them with --set NAME=VALUE; `lexgrad models MODEL` lists those of one model.")
    output.result({"models": {name: _as_json(class_) for name, class_ in chosen.items()}})


def _settings(settings: Sequence[Setting]) -> list[RenderableType]:
    rows = [(setting.name, as_text(setting.default), takes(setting), setting.help) for setting in settings]
    return [table(("setting", "default", "takes", "meaning"), rows, text_columns=range(4))] if rows else []


def _summary(class_: type) -> str:
    return (class_.__doc__ or "").strip().partition("\n")[0]


def _as_json(class_: type) -> dict[str, Any]:
    return {
        "help": _summary(class_),
        "settings": {
            setting.name: {
                "default": setting.default,
                "takes": takes(setting),
                "help": setting.help,
            }
            for setting in settings_of(class_).values()
        },
    }
