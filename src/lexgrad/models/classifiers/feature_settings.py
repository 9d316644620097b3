"""Settings of the classifiers that look at features of a text: its n-grams, or what a person's functions compute."""

# ruff: noqa: RUF009  # `setting` declares a field, as dataclasses.field does

from __future__ import annotations

import dataclasses
from typing import Any

from lexgrad.errors import InputError
from lexgrad.models.classifiers.base import TextClassifier
from lexgrad.models.settings import setting

FEATURES = ("tfidf", "counts", "presence")


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class FeatureClassifier(TextClassifier):
    """A classifier over features of texts, over a 2-D array, or over a SciPy sparse matrix."""

    features: Any = setting(
        "tfidf",
        "input: a feature name, or your own functions of a text",
        choices=FEATURES,
        search="tfidf,presence",
    )
    ngrams: int | tuple[int, ...] = setting(
        (1, 2), "orders of n-grams: 1,2 counts words and pairs", least=1, search="1|1,2|1,2,3"
    )
    standardize: bool | None = setting(
        None, "bring every input column to mean 0 and deviation 1; None: only for numbers from your own functions"
    )

    def orders(self) -> tuple[int, ...]:
        """Return the orders of the n-grams as a tuple."""
        return tuple(self.ngrams) if isinstance(self.ngrams, tuple | list) else (int(self.ngrams),)

    def require_storable(self) -> None:
        """See Model.require_storable: functions as features are code."""
        if not isinstance(self.features, str):
            raise InputError(
                f"this {type(self).__name__} uses Python functions as features; functions are code and are not saved:"
                " compute the features yourself and train on the array"
            )
