"""What classifiers over word embeddings share: the embedding matrix E, its settings and its first values."""

# ruff: noqa: RUF009  # `setting` declares a field, as dataclasses.field does

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lexgrad import ops
from lexgrad.models.classifiers.base import TextClassifier
from lexgrad.models.features.pretrained import MOST_OTHERS
from lexgrad.models.features.words import DIMENSIONS, WordEncoder, initial_embeddings
from lexgrad.models.settings import setting
from lexgrad.nn.initialisers import NAMES, generator, initialiser

if TYPE_CHECKING:
    from lexgrad.graph import Node
    from lexgrad.models.features.encoder import Encoder
    from lexgrad.nn.layers import Drop


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class WordClassifier(TextClassifier):
    """A classifier whose inputs are the ids of words in packed texts, looked up in an embedding matrix E (words, d).

    A model adds the parameters that come after: ``shapes`` begins with ``embedding_shapes``, and ``initial`` of all
    that is not E is Xavier's or what ``init`` says, zeros for names that begin with b.
    """

    features: ClassVar[str] = "embeddings"
    texts_only: ClassVar[bool] = True
    usual_l2: ClassVar[float] = 0.0
    usual_dimensions: ClassVar[int] = DIMENSIONS
    word_encoder: ClassVar[type[WordEncoder]] = WordEncoder

    dimensions: int | None = setting(
        None,
        "width of embeddings; None: that of the vectors, or what is usual for the model",
        least=1,
        search="50..300:50",
    )
    vectors: Any = setting(None, "pretrained vectors: a file, a run, WordVectors, or (words, matrix)")
    fine_tune: bool = setting(True, "whether training changes the embeddings")
    vector_words: int | None = setting(
        None,
        f"words of the vectors that no training text has, known too; None: {MOST_OTHERS:,} if fine_tune is off, else 0",
        least=0,
    )
    word_dropout: float = setting(
        0.0, "share of words that a training step takes for zero vectors", least=0, search="0..0.3"
    )
    dropout: float = setting(0.0, "share of units set to zero while training", least=0, search="0..0.6")
    init: str = setting("xavier", "initial weights of the layers", choices=NAMES)
    init_std: float = setting(
        0.1,
        "deviation of init=normal (limit of init=uniform), and of new embeddings",
        least=0,
        search="0.01..0.25:log",
    )

    def embedding_shapes(self, encoder: Encoder) -> dict[str, tuple[int, ...]]:
        """Return the shape of E by its name."""
        words: WordEncoder = encoder  # type: ignore[assignment]
        return {"E": (words.width, words.dimensions)}

    def initial(self, name: str, shape: tuple[int, ...], encoder: Encoder) -> NDArray[np.float64]:
        """See TextClassifier.initial."""
        random = generator(self.seed, name)
        if name == "E":
            words: WordEncoder = encoder  # type: ignore[assignment]
            return initial_embeddings(words, shape, self.init_std, random)
        if name.startswith("b"):
            return np.zeros(shape)
        return initialiser(self.init, self.init_std)(shape, random)

    def frozen(self) -> frozenset[str]:
        """See TextClassifier.frozen."""
        return frozenset() if self.fine_tune else frozenset({"E"})

    def draws(self) -> bool:
        """See TextClassifier.draws."""
        return super().draws() or self.word_dropout > 0

    def kept(self, ids: Node, drop: Drop) -> Node:
        """Return which words a training step does not leave out (tokens,), booleans: each for itself, at random."""
        return drop(ops.broadcast_to(1.0, ids.shape), self.word_dropout) > 0.0

    def read(self, ids: Node, drop: Drop) -> Node:
        """Return the rows of E to look up (tokens,): -1, the zero vector, for words that are left out."""
        return ops.where(self.kept(ids, drop), ids, -1) if self.word_dropout else ids

    def dropout_rate(self) -> float:
        """See TextClassifier.dropout_rate."""
        return float(self.dropout)
