"""Search spaces: what is read from text, and what is said of what can not be searched."""

from __future__ import annotations

import pytest

from lexgrad.errors import InputError
from lexgrad.experiments.spaces import Choices, Range, default_spaces, given_spaces, settings_at
from lexgrad.models import MODELS, FeedForward


@pytest.mark.parametrize(
    ("item", "space"),
    [
        ("dropout=0..0.6", Range(0.0, 0.6, whole=False)),
        ("learning_rate=1e-4..1e-1:log", Range(1e-4, 1e-1, whole=False, log=True)),
        ("layers=2..4", Range(2, 4, whole=True)),
        ("units=50..400:50", Range(50, 400, whole=True, step=50)),
        ("units = 16..1024:log", Range(16, 1024, whole=True, log=True)),
        ("pool=mean,max", Choices(("mean", "max"))),
        ("dimensions=none, 100", Choices(("none", "100"))),
        ("units=20,10", Choices(("20", "10"))),
        ("units=20|20,10", Choices(("20", "20,10"))),
        ("clip_norm=0.5..5", Range(0.5, 5, whole=False)),
    ],
)
def test_spaces(item: str, space: Range | Choices) -> None:
    [(name, read)] = given_spaces(FeedForward, [item]).items()
    assert name == item.partition("=")[0].strip()
    assert read == space
    assert given_spaces(FeedForward, [f"{name}={read}"]) == {name: space}, "what is shown reads back"


@pytest.mark.parametrize(
    ("items", "parts"),
    [
        (["dropout"], ("--space dropout", "name=low..high")),
        (["dropuot=0..1"], ("no setting 'dropuot'", "did you mean 'dropout'")),
        (["dropout=0..0.5", "dropout=0..0.6"], ("given twice", "0..0.5", "0..0.6")),
        (["pool=1..2"], ("'pool'", "a range is for numbers", "str")),
        (["dropout=0.5..0.1"], ("'dropout'", "from low to high", "0.5..0.1")),
        (["learning_rate=0..1:log"], ("begins above 0",)),
        (["learning_rate=0..1:lgo"], ("is no range", "low..high:log")),
        (["units=10..20:30"], ("between 0 and 10", "30")),
        (["layers=1.5..3"], ("whole numbers", "1.5")),
        (["epochs=0..3"], ("'epochs'", "at least 1")),
        (["pool=mean,maximum"], ("'pool'", "'maximum'", "mean, max, concat")),
        (["pool=mean,mean"], ("different values",)),
        (["pool="], ("expected name=",)),
        (["pool=,"], ("different values",)),
    ],
)
def test_mistakes(items: list[str], parts: tuple[str, ...]) -> None:
    with pytest.raises(InputError) as caught:
        given_spaces(FeedForward, items)
    message = str(caught.value)
    assert "\n" not in message
    assert all(part in message for part in parts), message


def test_points_are_settings() -> None:
    point = {"units": "20,10", "layers": 3, "learning_rate": 1, "pool": "max", "dimensions": "none"}
    settings = settings_at(FeedForward, point)
    assert settings == {"units": (20, 10), "layers": 3, "learning_rate": 1.0, "pool": "max", "dimensions": None}
    assert type(settings["learning_rate"]) is float


@pytest.mark.parametrize("name", MODELS)
def test_declared_spaces_can_be_read(name: str) -> None:
    default_spaces(MODELS[name])
