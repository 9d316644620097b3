"""A bag of words and hashed n-grams, averaged and classified: fastText's model."""

# `setting` declares a field, as dataclasses.field does

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError
from lexgrad.models.classifiers.base import TextClassifier
from lexgrad.models.settings import setting
from lexgrad.nn.initialisers import generator
from lexgrad.nn.layers import linear, pooled_embeddings

if TYPE_CHECKING:
    from lexgrad.graph import Node
    from lexgrad.models.features.encoder import Encoder
    from lexgrad.models.features.hashed import HashedEncoder


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class BagOfNgrams(TextClassifier):
    """ŷ = softmax(x W + b), x the mean of the vectors of a text's words and n-grams.

    Words have rows of their own in the embedding matrix; n-grams of words, and of characters where they are asked for,
    share ``buckets`` rows by their hash: ``lexgrad.models.features.hashed`` says which. Rows begin uniform in
    ±1/dimensions, W and b at 0. As fastText does it, plain SGD with a rate that falls to 0 updates the rows that a
    batch reads.

    Parameters (``parameters_``): ``E`` (words + buckets, dimensions), ``W`` (dimensions, classes), ``b`` (classes,).

    References:
        Joulin, Grave, Bojanowski and Mikolov, "Bag of tricks for efficient text classification", EACL 2017.
    """

    name: ClassVar[str] = "bow"
    features: ClassVar[str] = "hashed"
    texts_only: ClassVar[bool] = True
    usual_l2: ClassVar[float] = 0.0

    dimensions: int = setting(100, "width of the vectors", least=1)
    ngrams: int = setting(2, "words of the longest n-grams; 1: words alone", least=1, search="1..3")
    characters: int | tuple[int, ...] | None = setting(
        None,
        "n-grams of characters: those of so many, or from the first up to the second number; None: none",
        least=1,
        search="none|3,5|3,6",
    )
    buckets: int = setting(1 << 18, "rows that the n-grams share", least=1)

    optimizer: str = setting(
        "sgd", "the update rule", choices=("sgd", "momentum", "nesterov", "adagrad", "adadelta", "adam", "adamw")
    )
    learning_rate: float = setting(
        4.0,
        "step size of the first step (after warm-up); of a batch of one, fastText's would be 0.5",
        least=0,
        search="0.5..16:log",
    )
    schedule: str = setting(
        "linear",
        "how the rate falls in training; auto: to 0 in a line, but not with plain sgd",
        choices=("auto", "constant", "linear", "cosine", "step", "exponential", "inverse"),
    )
    lazy: bool = setting(True, "a step updates only the rows that its batch reads (state and l2 too)")
    batch: int = setting(8, "texts in a mini-batch; a higher rate goes with more", least=1)

    def span(self) -> tuple[int, int] | None:
        """Return the characters of the shortest and of the longest n-grams; None where there are none."""
        if self.characters is None:
            return None
        ends = tuple(self.characters) if isinstance(self.characters, tuple | list) else (self.characters,) * 2
        return int(ends[0]), int(ends[-1])

    def check(self) -> None:
        """See Model.check."""
        super().check()
        span = self.span()
        two = not isinstance(self.characters, tuple | list) or len(self.characters) == 2
        if not two or (span is not None and span[0] > span[1]):
            raise InputError(
                f"setting 'characters' of BagOfNgrams is a number, or two that rise, 3,6; got {self.characters!r}"
            )

    def shapes(self, encoder: Encoder, classes: int) -> dict[str, tuple[int, ...]]:
        """See TextClassifier.shapes."""
        words: HashedEncoder = encoder  # type: ignore[assignment]
        return {"E": (words.width, words.dimensions), "W": (words.dimensions, classes), "b": (classes,)}

    def initial(self, name: str, shape: tuple[int, ...], encoder: Encoder) -> NDArray[Any]:
        """See TextClassifier.initial; of so many rows, single precision is enough."""
        if name != "E":
            return np.zeros(shape)
        E = generator(self.seed, name).random(shape, np.float32)
        E -= 0.5
        E *= 2.0 / shape[1]
        return np.asarray(E)

    def logits(self, parameters: Mapping[str, Node], inputs: Mapping[str, Node], drop: Callable[[Node], Node]) -> Node:
        """See TextClassifier.logits."""
        x = pooled_embeddings(parameters["E"], inputs["ids"], inputs["offsets"], "mean").named("x")
        return linear(x, parameters["W"], parameters["b"]).named("z")
