"""Settings files: what they may say, what is said of faulty ones, and the ones that the project keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lexgrad.errors import InputError
from lexgrad.models import MODELS, FeedForward, model_named
from lexgrad.models.settings_files import read_settings

EXAMPLES = sorted((Path(__file__).parents[2] / "examples" / "settings").glob("*.toml"))
HEADINGS = ("data", "train", "reached", "found")  # what the comment at the top of a kept file says, in this order


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("learning_rate = 1", 1.0),
        ("units = [20, 10]", (20, 10)),
        ("units = 20", 20),
        ('pool = "max"', "max"),
        ('dimensions = "none"', None),
        ("fine_tune = false", False),
        ("class_weight = { good = 2.0, bad = 1 }", {"good": 2.0, "bad": 1}),
    ],
)
def test_values(tmp_path: Path, line: str, value: Any) -> None:
    settings = read_settings(written(tmp_path, f'model = "ffnn"  # a comment\n{line}\n')).settings(FeedForward)
    assert list(settings.values()) == [value]
    assert type(next(iter(settings.values()))) is type(value)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("epochs = 5\nepoch = 5\n", ("key 'epoch'", "did you mean 'epochs'")),
        ("epochs = 0\n", ("key 'epochs'", "at least 1")),
        ('epochs = "many"\n', ("key 'epochs'", "int", "'many'")),
        ('pool = "maxx"\n', ("key 'pool'", "mean, max, concat")),
        ("[train]\nepochs = 5\n", ("key 'train'", "no setting")),
        ("epochs = 2026-01-01\n", ("key 'epochs'",)),
        ("epochs: 5\n", ("not TOML", "line 1", "epochs = 5")),
        ("epochs = 5\nepochs = 6\n", ("not TOML", "line 2")),
        ('model = "logistic"\n', ("key 'model'", "for logistic, not for ffnn")),
        ("model = 3\n", ("key 'model'", "3")),
    ],
)
def test_faults_name_file_and_key(tmp_path: Path, text: str, parts: tuple[str, ...]) -> None:
    path = written(tmp_path, text)
    with pytest.raises(InputError) as caught:
        read_settings(path).settings(FeedForward)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert all(part in message for part in parts), message


def test_files_that_can_not_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        read_settings(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b"# caf\xe9\n")
    with pytest.raises(InputError, match="byte 5 is not UTF-8"):
        read_settings(tmp_path / "latin.toml")


def test_there_are_examples() -> None:
    assert EXAMPLES


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.name for path in EXAMPLES])
def test_an_example_is_documented_and_fits_its_model(path: Path) -> None:
    file = read_settings(path)
    assert file.model is not None
    assert file.model in MODELS
    class_ = model_named(file.model)
    class_(**file.settings(class_)).check()
    lines = path.read_text(encoding="utf-8").splitlines()
    comment = [line.removeprefix("# ") for line in lines[: next(i for i, line in enumerate(lines) if line[:1] != "#")]]
    said = [line.partition(":")[0] for line in comment if line.partition(":")[0] in HEADINGS]
    assert said == list(HEADINGS), "the comment at the top says data:, train:, reached: and found:"
    assert any(f"lexgrad train {file.model}" in line and path.name in line for line in comment)
