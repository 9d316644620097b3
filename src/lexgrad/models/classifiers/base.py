"""The estimator that every text classifier shares: settings, fit, predict, evaluate.

A model (``logistic.py``, ``softmax.py``, ``feedforward.py``) adds its own settings and says two things: which
parameters it has, and what graph computes its logits. All else (features, labels, training, files) is here or below.
"""

# ruff: noqa: RUF009  # `setting` declares a field, as dataclasses.field does

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError
from lexgrad.models.classifiers import storing
from lexgrad.models.classifiers.prediction import Predictor
from lexgrad.models.classifiers.targets import class_indices
from lexgrad.models.features.encoder import Encoder
from lexgrad.models.features.inputs import Inputs
from lexgrad.models.settings import setting
from lexgrad.models.sources import Source, check_lengths, labels_of, open_source
from lexgrad.models.trained import TrainedModel
from lexgrad.train.metrics import classification_metrics
from lexgrad.train.progress import Progress
from lexgrad.train.run import Run

if TYPE_CHECKING:
    from sklearn.utils import Tags

    from lexgrad.graph import Node
    from lexgrad.models.classifiers.explained import Explanation
    from lexgrad.nn.layers import Drop

Array = NDArray[Any]
CHUNK = 2048  # examples that prediction holds at a time
SHARES = ("dropout", "word_dropout", "label_smoothing")  # settings that a model may have; they are below 1
_PREDICTORS: WeakKeyDictionary[TextClassifier, Predictor] = WeakKeyDictionary()  # machine code is no model's attribute


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class TextClassifier(TrainedModel):
    """A classifier over texts (a list of str), over a 2-D array, or over a SciPy sparse matrix.

    Attributes after ``fit``:
        classes_ (K,): the labels, sorted.
        parameters_: dict name -> array, in the precision asked for.
        history_: one dict per epoch, as in ``metrics.jsonl`` (see ``train.progress.Progress.on_epoch_end``).
        health_: what ``watch`` measured, a record a time, as in ``health.jsonl`` (see ``train.watching.Watch``).
        report_: dict with epochs, parameters (how many numbers), train_seconds, examples_per_second, tokens_per_second.
        decision_: temperature and threshold, with which logits become probabilities and answers.
        encoder_: what turns X into the inputs of the graph (tokenizer, vocabulary of n-grams, idf, means ...).
        learned_: what the model found out about its training texts; see the models.
        n_features_in_: number of columns, when X was an array or a matrix.
    """

    task: ClassVar[str] = "classification"
    texts_only: ClassVar[bool] = False

    tokens: str = setting("lower", "what a token is", choices=("lower", "words", "spaces", "characters", "bpe"))
    min_count: int = setting(1, "leave out tokens and n-grams seen fewer times than this in training", least=1)
    max_features: int | None = setting(None, "keep at most this many n-grams (or words, for embeddings)", least=1)
    class_weight: str | dict[Any, float] | None = setting(
        None, "None, 'balanced', or a dict from label to weight", choices=("balanced",), search="none,balanced"
    )
    label_smoothing: float = setting(0.0, "share of each label that the loss divides evenly among all classes", least=0)
    threshold: float | str | None = setting(
        None, "two classes: answer the second from this probability on; dev: found on the dev set", choices=("dev",)
    )
    calibrate: bool = setting(False, "divide logits by a temperature that is found on the dev set")

    # ---- what a model defines -------------------------------------------------------------------------------

    def shapes(self, encoder: Encoder, classes: int) -> dict[str, tuple[int, ...]]:
        """Return the shape of each parameter by name, in the order of the graph's inputs."""
        raise NotImplementedError

    def initial(self, name: str, shape: tuple[int, ...], encoder: Encoder) -> NDArray[np.float64]:
        """Return a parameter before the first step; zeros unless a model says otherwise."""
        return np.zeros(shape)

    def logits(self, parameters: Mapping[str, Node], inputs: Mapping[str, Node], drop: Drop) -> Node:
        """Return the graph of the logits: (batch,) for a sigmoid output, (batch, K) for a softmax output.

        ``drop`` applies dropout while training and nothing afterwards.
        """
        raise NotImplementedError

    def of_words(self, parameters: Mapping[str, Node], inputs: Mapping[str, Node]) -> dict[str, Node]:
        """Return what the network makes of each word by itself, by name, with a row for each of ``inputs["ids"]``.

        To predict, it is computed once for each word and looked up from then on. Empty: there is nothing of the kind.
        """
        return {}

    def logits_of(self, tables: Mapping[str, Node], parameters: Mapping[str, Node], inputs: Mapping[str, Node]) -> Node:
        """Return the graph of the logits where ``tables`` hold what ``of_words`` says of words.

        ``inputs["ids"]`` are rows of the tables; of ``parameters`` it may read those alone that ``of_words`` does not.
        """
        raise NotImplementedError

    def frozen(self) -> frozenset[str]:
        """Name the parameters that training leaves alone."""
        return frozenset()

    def constrained(self, name: str, value: Node) -> Node:
        """Return what a parameter becomes after each update, which gave it ``value``: that, unless a model says so."""
        return value

    def look_through(self, inputs: Inputs, codes: NDArray[np.int64]) -> dict[str, Any]:
        """Return what is to be kept of the training examples when training is done, as JSON has it: ``learned_``."""
        return {}

    def dropout_rate(self) -> float:
        """The dropout rate while training."""
        return 0.0

    def draws(self) -> bool:
        """Say whether training draws random numbers."""
        return bool(self.dropout_rate())

    def check_classes(self, classes: Array) -> None:
        """Raise InputError where the model cannot tell so many classes apart."""

    def check(self) -> None:
        """See Model.check."""
        for name in SHARES:
            if (share := getattr(self, name, 0.0)) >= 1:
                raise InputError(f"setting {name!r} of {type(self).__name__} is below 1; got {share!r}")

    # ---- scikit-learn's methods ------------------------------------------------------------------------------

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        dev: Any = None,
        run: Run | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Train on texts X with labels y.

        Args:
            X: list or array of n str; or numbers (n, d); or a SciPy sparse matrix (n, d), kept in single precision; or
                a restartable table of (text, label) rows such as ``lexgrad.text.readers.open_table`` gives, which may
                be larger than memory (it is read a block at a time, and encoded texts lie on disk).
            y: n labels (None with a table, which brings its own).
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
        from lexgrad.models.classifiers.fitting import fit_model

        self._check_settings()
        fit_model(self, X, y, dev=dev, run=run, progress=progress or Progress())
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return probabilities (n, K), columns in the order of ``classes_``."""
        logits = self._logits(X)
        chances: NDArray[np.float64] = self.decision_.probabilities(logits)
        return chances

    def predict(self, X: Any) -> Array:
        """Return the most probable label of each text, (n,); with a threshold, what it says."""
        chances = self.predict_proba(X)
        chosen: Array = self.classes_[self.decision_.choose(chances)]
        return chosen

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Return the logits: (n,) with two classes (positive: the second class), (n, K) otherwise."""
        logits: NDArray[np.float64] = self._logits(X) / self.decision_.temperature
        if logits.ndim == 2 and logits.shape[1] == 2:
            return np.asarray(logits[:, 1] - logits[:, 0])
        return logits

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy, as scikit-learn's tools ask for it; see ``evaluate`` for more.

        Args:
            X: as for ``fit``.
            y: (n,) labels.
            sample_weight: (n,) how much each text counts; None: all alike.
        """
        source = self._source(X)
        check_lengths(source, y)
        return float(np.average(self.predict(source) == np.asarray(y), weights=sample_weight))

    def evaluate(self, X: Any, y: Any = None, *, progress: Progress | None = None) -> dict[str, Any]:
        """Return ``lexgrad.train.metrics.classification_metrics`` on texts X with labels y, or on a table.

        Args:
            X: as for ``fit``.
            y: as for ``fit``.
            progress: told how far it has come.

        Raises:
            InputError: a label that is not among ``classes_``.
            NotFittedError: before ``fit``.
        """
        self._require_fitted()
        source = self._source(X)
        labels = labels_of(source, y)
        check_lengths(source, labels)
        targets = class_indices(labels, self.classes_, source.name)
        chances = self.decision_.probabilities(self._logits(source, progress))
        return classification_metrics(targets, chances, self.classes_, self.decision_.choose(chances))

    def explain(
        self, text: str, *, label: Any = None, wrt: str | None = None, steps: Any = "auto", paths: int = 8
    ) -> Explanation:
        """Explain what the model says of a text: every layer, the loss, the gradient, and each word's part in it.

        Args:
            text: any text.
            label: the label whose loss is explained; None takes the one that is predicted.
            wrt: a parameter, or an entry of one: ``"W1[0, 0]"``.
            steps: as for ``lexgrad.explain``.
            paths: as for ``lexgrad.explain``.

        Raises:
            InputError: the model was trained on numbers, the label is none of the model's, or ``wrt`` does not exist.
            NotFittedError: before ``fit``.
        """
        from lexgrad.models.classifiers.explanation import explain_prediction

        self._require_fitted()
        return explain_prediction(self, text, label=label, wrt=wrt, steps=steps, paths=paths)

    # ---- files: see Model -----------------------------------------------------------------------------------------

    def write_into(self, run: Run) -> None:
        """See Model.write_into."""
        storing.write_start(run, self.encoder_, storing.run_config(self, self.classes_, {}))
        storing.write_finished(run, self)
        run.write_metrics(self.history_)

    def read_from(self, run: Run, config: Mapping[str, Any]) -> None:
        """See Model.read_from."""
        storing.read_from(self, run, config)

    # ---- how it is done -----------------------------------------------------------------------------------------

    def _source(self, X: Any) -> Source:
        return open_source(X, self)

    def _logits(self, X: Any, progress: Progress | None = None) -> NDArray[np.float64]:
        """Logits of all examples, a chunk at a time: (n,) or (n, K)."""
        if type(X) is list and len(X) == 1 and type(X[0]) is str:  # somebody waits
            predictor = self._predictor()
            if self.encoder_.takes == "text":
                return predictor.one(self.parameters_, self.encoder_.encode_one(X[0]))
        self._require_fitted()
        source = self._source(X)
        self.encoder_.check_source(source)
        predictor, progress = self._predictor(), progress or Progress()
        parts, done = [], 0
        for chunk in source.chunks(CHUNK):
            parts.append(predictor(self.parameters_, self.encoder_.encode(chunk)))
            done += len(chunk)
            progress.on_data("measuring", done, source.fraction(done))
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.classes_)))

    def _predictor(self) -> Predictor:
        """What predicts: made by the first prediction, and made anew when an attribute has been set."""
        predictor = _PREDICTORS.get(self)
        if predictor is None:
            self._require_fitted()
            predictor = _PREDICTORS[self] = Predictor(self, self.encoder_, len(self.classes_))
        return predictor

    def __setattr__(self, name: str, value: Any) -> None:
        _PREDICTORS.pop(self, None)
        super().__setattr__(name, value)

    def __sklearn_tags__(self) -> Tags:
        from sklearn.utils import ClassifierTags

        tags = super().__sklearn_tags__()
        tags.estimator_type, tags.classifier_tags, tags.target_tags.required = "classifier", ClassifierTags(), True
        tags.input_tags.sparse = tags.input_tags.two_d_array = not self.texts_only
        tags.input_tags.string = self.texts_only
        return tags
