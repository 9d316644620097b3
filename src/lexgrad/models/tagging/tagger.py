"""The tagger: part of speech, or any other tag, of each word in context."""

# ruff: noqa: RUF009  # `setting` declares a field, as dataclasses.field does

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError
from lexgrad.models.settings import setting
from lexgrad.models.tagging import storing
from lexgrad.models.tagging.metrics import tagging_metrics
from lexgrad.models.tagging.prediction import Predictor
from lexgrad.models.tagging.sentences import tagged_sentences, tags_of, words_of
from lexgrad.models.trained import TrainedModel
from lexgrad.nn.activations import ACTIVATIONS
from lexgrad.nn.initialisers import NAMES, generator, initialiser
from lexgrad.nn.recurrence import CELLS
from lexgrad.text.packed import offsets_of

if TYPE_CHECKING:
    from lexgrad.train.progress import Progress
    from lexgrad.train.run import Run

Array = NDArray[Any]
CHUNK = 4096  # sentences that are encoded at a time


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class Tagger(TrainedModel):
    """Tags the words of sentences: softmax(W h + b), h being what is made of a word and of those around it.

    Each word is known by its embedding (in lower case, digits as 0), by embeddings of its first and last 1, 2, …
    characters and of its shape (``Xx-00``), and by filters over its characters, of each the largest value in the word
    (Santos and Zadrozny 2014). What is known of words stands side by side in x, and a window network (Collobert et al.
    2011) reads x of the words around, or recurrent networks read the sentence both ways (Graves and Schmidhuber 2005).

    While training, a word that occurs n times is taken for an unknown one with probability a / (a + n), a being
    ``word_dropout`` (Kiperwasser and Goldberg 2016), so that training knows what unknown words are like.

    Parameters (``parameters_``): ``E`` (words, dimensions), its row 0 the unknown word's; ``A`` (affixes and shapes,
    affix_dimensions); ``C`` (characters, character_dimensions), ``F`` and ``bF`` of the filters; ``V``, the pretrained
    vectors; ``W1``, ``b1``, … of the window network's layers, or ``W1f``, ``U1f``, ``b1f`` and ``W1b``, ``U1b``,
    ``b1b``, … of the recurrent layers forwards and backwards; ``W`` and ``b``.

    Attributes after ``fit``:
        classes_ (K,): the tags, sorted.
        parameters_: dict name -> array, in the precision asked for.
        history_: one dict per epoch, as in ``metrics.jsonl`` (see ``train.progress.Progress.on_epoch_end``).
        health_: what ``watch`` measured, a record a time, as in ``health.jsonl`` (see ``train.watching.Watch``).
        report_: dict with epochs, parameters (how many numbers), train_seconds, examples_per_second (sentences),
            tokens_per_second.
        encoder_: what turns words into the inputs of the graph.
    """

    name: ClassVar[str] = "tagger"
    task: ClassVar[str] = "tagging"
    usual_l2: ClassVar[float] = 0.0

    network: str = setting("recurrent", "what reads the words around a word", choices=("window", "recurrent"))
    window: int = setting(2, "words on each side that a window network sees", least=0)
    cell: str = setting("lstm", "of a recurrent network", choices=tuple(CELLS))
    layers: int = setting(1, "layers that read the context, one behind the other", least=1)
    units: int = setting(128, "units of each of these layers (each way)", least=1, search="64..256:log")
    activation: str = setting("relu", "activation of a window network's layers", choices=tuple(ACTIVATIONS))
    dimensions: int = setting(100, "width of the embeddings of words", least=1, search="50..200:50")
    vectors: Any = setting(None, "pretrained vectors beside them: a file, WordVectors, or (words, matrix)")
    fine_tune: bool = setting(False, "whether training changes the pretrained vectors")
    affixes: int = setting(4, "the longest beginnings and endings of words that have embeddings; 0: none", least=0)
    shapes: bool = setting(True, "whether shapes of words, such as Xx-00, have embeddings")
    affix_dimensions: int = setting(16, "width of the embeddings of affixes and shapes", least=1)
    character_filters: int = setting(50, "filters over three characters at a time; 0: none", least=0)
    character_dimensions: int = setting(25, "width of the embeddings of characters", least=1)
    min_count: int = setting(1, "words seen fewer times than this in training are unknown ones", least=1)
    word_dropout: float = setting(0.25, "a: a word seen n times is taken for an unknown one a / (a + n) times", least=0)
    dropout: float = setting(
        0.33, "share of x and of the layers' units set to zero while training", least=0, search="0..0.6"
    )
    init: str = setting("xavier", "initial weights of the layers", choices=NAMES)
    init_std: float = setting(0.1, "deviation of init=normal (limit of init=uniform), and of embeddings", least=0)

    learning_rate: float = setting(
        0.003, "step size of the first step (after warm-up)", least=0, search="5e-4..1e-2:log"
    )
    lazy: bool = setting(True, "a step updates only the rows of embeddings that its batch reads (state and l2 too)")
    batch: int = setting(32, "sentences in a mini-batch", least=1)
    epochs: int = setting(10, "passes over the training sentences", least=1)
    clip_norm: float | None = setting(5.0, "scale the whole gradient down to this norm", least=0)
    monitor: str = setting("accuracy", "what on the dev set is watched", choices=("loss", "accuracy", "macro_f1"))

    # ---- scikit-learn's methods ------------------------------------------------------------------------------

    def fit(
        self, X: Any, y: Any = None, *, dev: Any = None, run: Run | None = None, progress: Progress | None = None
    ) -> Self:
        """Train on sentences X with tags y.

        Args:
            X: n sentences, each a list of words (str); or a restartable table of tagged sentences such as
                ``lexgrad.text.tagged.open_tagged`` gives.
            y: n lists of tags, one for each word (None with a table, which brings its own).
            dev: ``(X, y)`` or a table; watched after every epoch, and training stops when ``patience`` epochs brought
                nothing better on ``monitor``; the best parameters are kept.
            run: a run directory to write configuration, metrics, checkpoints and the model to; an opened-to-resume
                one continues to exactly the weights of an uninterrupted run.
            progress: told about everything as it happens.

        Raises:
            InputError: unusable data or settings, or a run directory that belongs to another training.
            Interrupted: Ctrl-C; the state is saved where there is a run directory.
            NonFiniteError: the loss became infinite or not a number.
        """
        from lexgrad.models.tagging.fitting import fit_tagger
        from lexgrad.train.progress import Progress

        self._check_settings()
        fit_tagger(self, X, y, dev=dev, run=run, progress=progress or Progress())
        return self

    def predict_proba(self, X: Any) -> list[NDArray[np.float64]]:
        """Return the probabilities of tags for each sentence, (words, K), columns in the order of ``classes_``.

        Args:
            X: as for ``predict``.
        """
        self._require_fitted()
        sentences = words_of(X)
        parts = [self._probabilities(sentences[i : i + CHUNK]) for i in range(0, len(sentences), CHUNK)]
        return [rows for part in parts for rows in part]

    def predict(self, X: Any) -> list[Array]:
        """Return the most probable tag of each word: an array (words,) for each sentence.

        Args:
            X: sentences: lists of words; a str is cut into words, see ``lexgrad.models.tagging.sentences.cut_words``.
        """
        return [self.classes_[rows.argmax(axis=1)] for rows in self.predict_proba(X)]

    def evaluate(self, X: Any, y: Any = None, *, progress: Progress | None = None) -> dict[str, Any]:
        """Return ``lexgrad.models.tagging.metrics.tagging_metrics`` on sentences X with tags y, or on a table.

        An unknown word is one that the training sentences do not have, in upper or lower case and with any digits. A
        tag that training did not have is never predicted.

        Args:
            X: as for ``fit``.
            y: as for ``fit``.
            progress: told that it is under way.

        Raises:
            InputError: no words, no tags, or none of the tags is one of ``classes_``.
            NotFittedError: before ``fit``.
        """
        self._require_fitted()
        if progress is not None:
            progress.on_wait("measuring")
        words, tags = tagged_sentences(X, y)
        encoded = self.encoder_.encode(words)
        codes, classes = tags_of(tags, self.classes_)
        probabilities = self._predictor()(self.parameters_, words)
        return tagging_metrics(codes, probabilities, classes, encoded.words == 0, encoded.offsets)

    def score(self, X: Any, y: Any = None) -> float:
        """Return the accuracy over words, as scikit-learn's tools ask for it; see ``evaluate`` for more.

        Args:
            X: as for ``fit``.
            y: as for ``fit``.
        """
        return float(self.evaluate(X, y)["accuracy"])

    # ---- parameters and files ---------------------------------------------------------------------------------

    def check(self) -> None:
        """See Model.check."""
        if self.dropout >= 1:
            raise InputError(f"setting 'dropout' of Tagger is below 1; got {self.dropout!r}")

    def initial(
        self, name: str, shape: tuple[int, ...], vectors: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """Return a parameter before the first step; an LSTM's forget gates start open (Jozefowicz et al. 2015)."""
        if name == "V" and vectors is not None:
            return vectors
        random = generator(self.seed, name)
        if name in ("E", "A", "C"):
            return random.standard_normal(shape) * self.init_std
        if not name.startswith("b"):
            return initialiser(self.init, self.init_std)(shape, random)
        bias = np.zeros(shape)
        if name[-1] in "fb" and name != "b" and self.cell == "lstm":
            bias[self.units : 2 * self.units] = 1.0
        return bias

    def frozen(self) -> frozenset[str]:
        """Name the parameters that training leaves alone."""
        return frozenset() if self.fine_tune else frozenset({"V"})

    def write_into(self, run: Run) -> None:
        """See Model.write_into."""
        storing.write_start(run, self.encoder_, storing.run_config(self, self.classes_, {}))
        storing.write_finished(run, self)
        run.write_metrics(self.history_)

    def read_from(self, run: Run, config: Mapping[str, Any]) -> None:
        """See Model.read_from."""
        storing.read_from(self, run, config)

    # ---- how it is done -----------------------------------------------------------------------------------------

    def _probabilities(self, sentences: Sequence[Sequence[str]]) -> list[NDArray[np.float64]]:
        found = self._predictor()(self.parameters_, sentences)
        if len(sentences) == 1:
            return [found]
        return np.split(found, offsets_of([len(words) for words in sentences])[1:-1])

    def __getstate__(self) -> dict[str, Any]:
        """What pickle and copy take along: all but machine code."""
        return {name: value for name, value in self.__dict__.items() if name != "_compiled"}

    def _predictor(self) -> Predictor:
        """The graph that tags, compiled once."""
        kept = self.__dict__.get("_compiled")
        if kept is None or kept[0] is not self.parameters_:
            shapes = {name: array.shape for name, array in self.parameters_.items()}
            kept = self._compiled = self.parameters_, Predictor(self, self.encoder_, shapes)
        predictor: Predictor = kept[1]
        return predictor
