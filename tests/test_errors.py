"""The errors that are raised on purpose."""

from __future__ import annotations

import pytest

from lexgrad.errors import InputError, LexgradError, NonFiniteError, ShapeError, suggest


@pytest.mark.parametrize("kind", [InputError, NonFiniteError, ShapeError])
def test_one_class_catches_all(kind: type[Exception]) -> None:
    assert issubclass(kind, LexgradError)


def test_errors_are_of_pythons_kinds_too() -> None:
    assert issubclass(InputError, ValueError)
    assert issubclass(NonFiniteError, FloatingPointError)
    assert issubclass(ShapeError, InputError)
    assert not InputError("x").located


def test_the_nearest_name_is_suggested() -> None:
    assert suggest("softmx", ["logistic", "softmax"]) == " (did you mean 'softmax'?)"
    assert suggest("zzz", ["logistic", "softmax"]) == ""
    assert suggest("a", []) == ""
