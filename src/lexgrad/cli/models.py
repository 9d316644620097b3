"""`lexgrad models`: what MODEL can be, and every setting with its default and meaning."""

from __future__ import annotations

from typing import Any

from lexgrad.cli.output import Output
from lexgrad.cli.reports import table
from lexgrad.cli.settings import as_text, takes
from lexgrad.models import MODELS, model_named
from lexgrad.models.settings import settings_of


def run_models(only: str | None, output: Output) -> None:
    """Print the models, or one of them, with their settings."""
    chosen = MODELS if only is None else {only: model_named(only)}
    for name, class_ in chosen.items():
        output.report(f"{name}: {_summary(class_)}")
        rows = [
            (setting.name, as_text(setting.default), takes(setting), setting.help)
            for setting in settings_of(class_).values()
        ]
        output.report(table(("setting", "default", "takes", "meaning"), rows, text_columns=range(4)), "")
    output.result({"models": {name: _as_json(class_) for name, class_ in chosen.items()}})


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
