"""word2vec: the vector of a word is what predicts the words beside it.

Skip-gram and CBOW with negative sampling (Mikolov et al. 2013, "Efficient estimation of word representations in vector
space" and "Distributed representations of words and phrases and their compositionality").
"""

# `setting` declares a field, as dataclasses.field does

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError
from lexgrad.models.base import Model
from lexgrad.models.settings import setting
from lexgrad.models.vectors import storing
from lexgrad.models.vectors.keyed import KeyedVectors
from lexgrad.models.vectors.subwords import Subwords, means
from lexgrad.train.progress import Progress
from lexgrad.train.run import Run

if TYPE_CHECKING:
    from lexgrad.compile.word2vec import WordRows

Float32 = NDArray[np.float32]


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class Word2Vec(Model):
    """Word vectors by negative sampling.

    The same seed gives the same vectors, bit for bit, on any number of threads: the gradients of a batch of positions
    are taken at the same weights, and added up in the order of the positions.

    Attributes after ``fit``:
        vocabulary_: the words, frequent ones first; equally frequent ones by code point.
        counts_: how often each occurs, int64 (V,).
        vectors_: their vectors, float32 (V, d).
        context_: their vectors as contexts (c of the lectures), float32 (V, d).
        parameters_: dict with ``W`` (V, d; with subwords also a row for each bucket) and ``C`` (V, d).
        history_: one dict per epoch: loss in nats per pair of words, pairs, tokens, learning_rate, seconds.
        report_: dict with epochs, parameters, words, train_seconds, examples_per_second, tokens_per_second, loss.
    """

    name: ClassVar[str] = "word2vec"
    task: ClassVar[str] = "vectors"

    dimensions: int = setting(100, "numbers in a vector", least=1, search="50..300")
    window: int = setting(5, "the farthest neighbour; each position draws its own reach, 1 … window", least=1)
    negatives: int = setting(5, "words of noise for every position", least=1)
    cbow: bool = setting(False, "the mean of the neighbours predicts the word, not the word each neighbour")
    subwords: tuple[int, ...] | None = setting(
        None, "n-grams of letters that make up words, such as 3,6: unknown words get vectors", least=1
    )
    buckets: int = setting(200_000, "rows that n-grams of letters are hashed to", least=1)
    min_count: int = setting(5, "leave out words seen fewer times than this", least=1)
    sample: float = setting(1e-3, "words more frequent than this share are left out at random; 0: none is", least=0)
    noise_power: float = setting(0.75, "noise is drawn by count to this power")
    tokens: str = setting("lower", "what a word is", choices=("lower", "words", "spaces"))
    pattern: str | None = setting(None, "or: what fits this regular expression, in lower case with tokens=lower")
    phrases: int = setting(0, "passes that join pairs such as new_york to one word", least=0)
    phrase_threshold: float = setting(100.0, "score above which a pair is a phrase", least=0)
    epochs: int = setting(5, "passes over the corpus", least=1)
    learning_rate: float = setting(0.05, "rate at the beginning; it falls in a line", least=0)
    end_rate: float = setting(1e-4, "rate at the end", least=0)
    batch: int | None = setting(
        None,
        "positions whose gradients are taken at the same weights; None: 256, fewer where they would overshoot",
        least=1,
    )
    lock_free: bool = setting(
        False,
        "threads update at once and unordered (Hogwild): no two trainings are the same, and resuming is not exact",
    )
    seed: int = setting(0, "fixes first vectors, noise, windows and the words left out", least=0)
    threads: int | None = setting(None, "processor threads, at most; results are the same for any number", least=1)

    def check(self) -> None:
        """Refuse n-grams that are no range of orders."""
        if self.subwords is not None and (len(self.subwords) != 2 or self.subwords[0] > self.subwords[1]):
            raise InputError(f"setting 'subwords' takes a shortest and a longest n-gram, 3,6; got {self.subwords!r}")
        if self.window > 1000 or self.negatives > 1000:
            raise InputError("window and negatives are at most 1000")

    def fit(
        self, X: Any, y: Any = None, *, dev: Any = None, run: Run | None = None, progress: Progress | None = None
    ) -> Self:
        """Learn vectors from texts.

        Args:
            X: a list of texts, a list of lists of words, a table, or a ``lexgrad.text.corpus.Corpus``, which may be
                larger than memory: it is read once, and indexed on disk. No window reaches over the end of a text.
            y: nothing.
            dev: nothing; there is no dev set.
            run: a run directory to write configuration, metrics, checkpoints and vectors to; an opened-to-resume one
                continues to exactly the vectors of an uninterrupted run.
            progress: told about everything as it happens.

        Raises:
            InputError: unusable texts or settings, or a run directory that belongs to another training.
            Interrupted: Ctrl-C; the state is saved where there is a run directory.
            NonFiniteError: the loss became infinite or not a number.
        """
        from lexgrad.models.vectors.training import fit_vectors

        self._check_settings()
        if y is not None or dev is not None:
            raise InputError("word vectors are learned from texts alone: give no labels and no dev set")
        self.__dict__.pop("vectors", None)
        self.__dict__.pop("vectors_", None)
        fit_vectors(self, X, run=run, progress=progress or Progress())
        return self

    def evaluate(self, X: Any, y: Any = None, *, progress: Progress | None = None) -> dict[str, Any]:
        """Return the loss of held-out texts, in nats per pair of words: {"loss", "pairs", "words", "missing"}.

        ``missing`` counts words without a vector. Similarity and analogies are measured by ``vectors``.

        Args:
            X: as for ``fit``.
            y: nothing.
            progress: told that it is under way.

        Raises:
            InputError: none of their words has a vector.
            NotFittedError: before ``fit``.
        """
        from lexgrad.models.vectors.training import held_out_loss

        self._require_fitted()
        if progress is not None:
            progress.on_wait("measuring")
        return held_out_loss(self, X)

    @cached_property
    def vectors_(self) -> Float32:
        """The words' vectors, float32 (V, d)."""
        self._require_fitted()
        rows = self._word_rows()
        return self.parameters_["W"] if rows is None else means(self.parameters_["W"], rows)

    @property
    def context_(self) -> Float32:
        """The words' vectors as contexts, float32 (V, d)."""
        self._require_fitted()
        return self.parameters_["C"]

    @cached_property
    def vectors(self) -> KeyedVectors:
        """The vectors by word: similarity, neighbours, analogies, files for other tools."""
        return KeyedVectors(
            self.vocabulary_,
            self.vectors_,
            counts=self.counts_,
            unknown=self._unknown if self.subwords is not None else None,
        )

    # ---- subwords -----------------------------------------------------------------------------------------------

    def hashed(self) -> Subwords | None:
        """What numbers the n-grams of words; None without subwords."""
        if self.subwords is None:
            return None
        return Subwords((self.subwords[0], self.subwords[1]), self.buckets)

    def _word_rows(self) -> WordRows | None:
        hashed = self.hashed()
        return None if hashed is None else hashed.word_rows(self.vocabulary_)

    def _unknown(self, word: str) -> Float32 | None:
        """The mean of the vectors of a word's n-grams, or None where it has none."""
        hashed = self.hashed()
        assert hashed is not None
        rows = hashed.rows(word)
        if not len(rows):
            return None
        found: Float32 = self.parameters_["W"][rows + len(self.vocabulary_)].mean(axis=0)
        return found

    # ---- files --------------------------------------------------------------------------------------------------

    def write_into(self, run: Run) -> None:
        """See Model.write_into."""
        storing.write_start(run, self, {})
        storing.write_finished(run, self)
        run.write_metrics(self.history_)

    def read_from(self, run: Run, config: Mapping[str, Any]) -> None:
        """See Model.read_from."""
        storing.read_from(self, run)
