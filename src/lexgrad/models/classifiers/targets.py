"""Labels: which classes there are, each text's class number, and the weight of each class."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError, suggest

Codes = NDArray[np.int64]
SHOWN = 10  # of the classes, in messages


def learn_classes(labels: Iterable[Any], model: str, source: str) -> tuple[NDArray[Any], Codes]:
    """Find the classes among the labels.

    Args:
        labels: n labels: a list, an array, or an iterable that is gone through once.
        model: what errors call the model.
        source: what errors call the data.

    Returns:
        (classes sorted (K,), class number of each label (n,)).

    Raises:
        InputError: fewer than two classes, labels that are not classes, or labels of kinds that cannot be sorted.
    """
    if not (hasattr(labels, "__len__") or hasattr(labels, "__array__")):
        classes, codes = _stream(labels)
    else:
        values = _checked(labels)
        try:
            classes, codes = np.unique(values, return_inverse=True)
        except TypeError as fault:
            kinds = sorted({type(label).__name__ for label in values})
            raise InputError(f"labels must be of one kind; got {' and '.join(kinds)}") from fault
    if len(classes) < 2:
        only = f"only one class, {classes[0]!s}" if len(classes) else "no labels"
        raise InputError(f"{model} needs texts of at least two classes; {source} has {only}")
    return classes, codes.astype(np.int64)


def _checked(labels: Any) -> NDArray[Any]:
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import column_or_1d

    try:
        plain = labels if isinstance(labels, list | tuple) else np.asarray(labels).tolist()
        missing = [row for row, label in enumerate(plain) if label is None or _is_nan(label)]
        if missing:
            raise InputError(f"every text needs a label; row {missing[0]} of y (from 0) has none (None or NaN)")
        values = column_or_1d(labels, warn=True)
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            row = int(np.flatnonzero(~np.isfinite(values))[0])
            raise InputError(f"labels must be finite; got NaN or infinity in row {row} of y (from 0)")
        check_classification_targets(values)
    except InputError:
        raise
    except (ValueError, TypeError) as fault:
        raise InputError(" ".join(str(fault).split())) from fault
    return np.asarray(values)


def _is_nan(label: Any) -> bool:
    return isinstance(label, float) and math.isnan(label)


def _stream(labels: Iterable[Any]) -> tuple[NDArray[Any], Codes]:
    """Number the labels as they come, then renumber in sorted order; only one small number a label is kept."""
    numbers: dict[Any, int] = {}
    first = np.fromiter((numbers.setdefault(label, len(numbers)) for label in labels), dtype=np.int32)
    classes, order = np.unique(np.array(list(numbers)), return_inverse=True)
    return classes, order[first] if len(first) else first.astype(np.int64)


def class_indices(labels: Iterable[Any], classes: NDArray[Any], source: str) -> Codes:
    """The class number of each label.

    Args:
        labels: n labels, of a table or of y.
        classes: the model's (K,).
        source: what errors call the data.

    Returns:
        (n,).

    Raises:
        InputError: a label that is not among the classes.
    """
    numbers = {label: number for number, label in enumerate(classes.tolist())}
    values = np.asarray(labels).tolist() if hasattr(labels, "__array__") else labels
    codes = []
    for row, label in enumerate(values):
        plain = label.item() if isinstance(label, np.generic) else label
        if plain not in numbers:
            known = [str(name) for name in numbers]
            where = f"{source}: {labels.place_of(row)}: label {plain!r}" if hasattr(labels, "place_of") else ""
            raise InputError(
                f"{where or f'label {plain!r} at place {row} of y (from 0)'} is not one of the model's classes"
                f" ({', '.join(known[:SHOWN])}{', ...' * (len(known) > SHOWN)}){suggest(str(plain), known)}"
            )
        codes.append(numbers[plain])
    return np.array(codes, dtype=np.int64)


def class_weights(setting: Any, classes: NDArray[Any], codes: Codes) -> NDArray[np.float64] | None:
    """The weight of each class (K,): None for equal ones, n / (K count) for "balanced", or a dict's.

    Raises:
        InputError: a dict that names an unknown class or a weight that is no positive number.
    """
    if setting is None:
        return None
    if setting == "balanced":
        return len(codes) / (len(classes) * np.bincount(codes, minlength=len(classes)))
    if not isinstance(setting, Mapping):
        raise InputError(f"class_weight is None, 'balanced' or a dict from label to weight; got {setting!r}")
    numbers = {label: number for number, label in enumerate(classes.tolist())}
    weights = np.ones(len(classes))
    for label, weight in setting.items():
        plain = label.item() if isinstance(label, np.generic) else label
        if plain not in numbers:
            raise InputError(f"class_weight names {label!r}, which is no class{suggest(str(label), map(str, numbers))}")
        if not isinstance(weight, int | float | np.number) or not 0 <= float(weight) < float("inf"):
            raise InputError(f"class_weight of {label!r} is a number of at least 0; got {weight!r}")
        weights[numbers[plain]] = float(weight)
    return weights
