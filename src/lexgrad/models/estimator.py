"""The base classes of scikit-learn's estimators, which models that its tools take have.

Importing them takes longer than most commands do, and the command line hands no model to scikit-learn: there, two empty
classes stand in for them. Everywhere else they are scikit-learn's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lexgrad import models

if TYPE_CHECKING or not models.standing_alone:
    from sklearn.base import BaseEstimator, ClassifierMixin
else:

    class BaseEstimator:
        """Stands in for scikit-learn's."""

    class ClassifierMixin:
        """Stands in for scikit-learn's."""


__all__ = ["BaseEstimator", "ClassifierMixin"]
