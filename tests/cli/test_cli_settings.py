"""`--set name=value` and the options of train: values of the right type, or one line that says what is expected."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from lexgrad.cli.settings import as_text, given_settings, takes
from lexgrad.errors import InputError
from lexgrad.models.settings import setting, settings_of
from tests.cli.conftest import Lexgrad


@dataclasses.dataclass(kw_only=True)
class Model:
    """A model with a setting of every kind."""

    units: int | tuple[int, ...] = setting((50, 20), "units", least=1)
    rate: float = setting(0.01, "rate", least=0)
    epochs: int = setting(20, "epochs", least=1)
    standardize: bool | None = setting(None, "standardize")
    pool: str = setting("mean", "pool", choices=("mean", "max", "concat"))
    vectors: str | None = setting(None, "vectors")


@pytest.mark.parametrize(
    ("item", "value"),
    [
        ("units=20", 20),
        ("units=20,", (20,)),
        ("units=20,10", (20, 10)),
        ("units=(20, 10)", (20, 10)),
        ("rate=1", 1.0),
        ("rate=1e-3", 0.001),
        ("epochs = 7", 7),
        ("standardize=true", True),
        ("standardize=None", None),
        ("pool=max", "max"),
        ("vectors=a=b.vec", "a=b.vec"),
    ],
)
def test_values(item: str, value: Any) -> None:
    [(name, got)] = given_settings(Model, [item], {}).items()
    assert got == value
    assert type(got) is type(value)
    assert name == item.partition("=")[0].strip()


@pytest.mark.parametrize(
    ("items", "options", "parts"),
    [
        (["epoch=7"], {}, ("'epoch'", "'epochs'")),
        (["epochs"], {}, ("--set epochs", "name=value")),
        (["epochs=many"], {}, ("'epochs'", "int", "'many'")),
        (["epochs=0"], {}, ("'epochs'", "at least 1", "0")),
        (["epochs=1.5"], {}, ("'epochs'", "int", "1.5")),
        (["pool=maxx"], {}, ("'pool'", "mean, max, concat", "'max'")),
        (["rate=nan"], {}, ("'rate'", "nan")),
        (["units=a,b"], {}, ("'units'",)),
        (["epochs=1", "epochs=2"], {}, ("epochs", "twice")),
        (["epochs=1"], {"epochs": 2}, ("--epochs", "--set epochs")),
        ([], {"seed": 2}, ("'seed'",)),
    ],
)
def test_mistakes(items: list[str], options: dict[str, Any], parts: tuple[str, ...]) -> None:
    with pytest.raises(InputError) as caught:
        given_settings(Model, items, options)
    assert all(part in str(caught.value) for part in parts), str(caught.value)


def test_options_that_were_given_are_settings() -> None:
    assert given_settings(Model, ["pool=max"], {"epochs": 3, "vectors": None}) == {"pool": "max", "epochs": 3}


@pytest.mark.parametrize("name", settings_of(Model))
def test_a_default_as_text_reads_back(name: str) -> None:
    default = settings_of(Model)[name].default
    assert given_settings(Model, [f"{name}={as_text(default)}"], {}) == {name: default}


@pytest.mark.parametrize(("value", "text"), [((), "()"), ((1, 2), "1,2"), (None, "none"), (True, "true"), (0.5, "0.5")])
def test_values_as_text(value: Any, text: str) -> None:
    assert as_text(value) == text


def test_a_file_gives_way_to_what_is_said_beside_it(lexgrad: Lexgrad, films: Path) -> None:
    Path("mine.toml").write_text('model = "ffnn"\nepochs = 2\nunits = [4]\ndropout = 0.5\nbatch = 8\n')
    over = ("--set", "units=3", "--batch", 4)
    trained = lexgrad("train", "ffnn", films, "--settings", "mine.toml", *over, "--out", "run")
    assert trained.code == 0, trained.err
    kept = lexgrad("show", "run", "--json").json()["config"]["settings"]
    assert {name: kept[name] for name in ("epochs", "units", "dropout", "batch")} == {
        "epochs": 2,
        "units": 3,
        "dropout": 0.5,
        "batch": 4,
    }
    resumed = lexgrad("train", "ffnn", films, "--settings", "mine.toml", "--out", "run", "--resume").mistake()
    assert "batch=4" in resumed
    line = lexgrad("train", "logistic", films, "--settings", "mine.toml").mistake()
    assert all(part in line for part in ("mine.toml", "'model'", "ffnn", "logistic"))
    assert "there is no such file" in lexgrad("train", "ffnn", films, "--settings", "mime.toml").mistake()


def test_what_a_setting_takes() -> None:
    known = settings_of(Model)
    assert takes(known["pool"]) == "mean, max, concat"
    assert takes(known["epochs"]) == "whole number, at least 1"
    assert takes(known["units"]) == "whole numbers such as 1 or 1,2, at least 1"
    assert takes(known["standardize"]) == "true, false or none"
