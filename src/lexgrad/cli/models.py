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

    from lexgrad.models.base import Model


def run_models(only: str | None, output: Output) -> None:
    """Print the models, or one of them, with their settings; what all have in common is printed once."""
    chosen = MODELS if only is None else {only: model_named(only)}
    known = {name: _known(class_) for name, class_ in chosen.items()}
    trained = [own for name, own in known.items() if chosen[name].made_by == "train"]
    shared = [setting for setting in trained[0] if all(setting in own for own in trained)] if len(trained) > 1 else []
    several = len(chosen) > 1
    for name, class_ in chosen.items():
        own = [setting for setting in known[name] if setting not in shared]
        made = "" if class_.made_by == "train" else f"; made by `lexgrad {class_.made_by}`, not by train"
        output.report(f"{name}: {_summary(class_)}{made}", *_settings(own), "")
    if several:
        output.report("Settings of every model:", *_settings(shared), "")
        output.report("Give them with --set NAME=VALUE; `lexgrad models MODEL` lists those of one model.")
    output.result({"models": {name: _as_json(class_) for name, class_ in chosen.items()}})


def _known(class_: type[Model]) -> list[Setting]:
    """The settings that ``--set`` takes: those of what ``train`` makes."""
    return list(settings_of(class_).values()) if class_.made_by == "train" else []


def _settings(settings: Sequence[Setting]) -> list[RenderableType]:
    rows = [(setting.name, as_text(setting.default), takes(setting), setting.help) for setting in settings]
    return [table(("setting", "default", "takes", "meaning"), rows, text_columns=range(4))] if rows else []


def _summary(class_: type) -> str:
    return (class_.__doc__ or "").strip().partition("\n")[0]


def _as_json(class_: type[Model]) -> dict[str, Any]:
    return {
        "help": _summary(class_),
        "made_by": class_.made_by,
        "settings": {
            setting.name: {
                "default": setting.default,
                "takes": takes(setting),
                "help": setting.help,
            }
            for setting in _known(class_)
        },
    }
