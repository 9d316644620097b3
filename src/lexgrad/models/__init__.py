"""Models: one short file each, by task, under scikit-learn's conventions; imported when they are first asked for."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lexgrad.errors import InputError, suggest

if TYPE_CHECKING:
    from lexgrad.models.base import Model as Model
    from lexgrad.models.classifiers.averaging import DeepAveraging as DeepAveraging
    from lexgrad.models.classifiers.bag import BagOfNgrams as BagOfNgrams
    from lexgrad.models.classifiers.base import TextClassifier as TextClassifier
    from lexgrad.models.classifiers.convolutional import TextCNN as TextCNN
    from lexgrad.models.classifiers.feedforward import FeedForward as FeedForward
    from lexgrad.models.classifiers.logistic import LogisticRegression as LogisticRegression
    from lexgrad.models.classifiers.recurrent import GRUClassifier as GRUClassifier
    from lexgrad.models.classifiers.recurrent import LSTMClassifier as LSTMClassifier
    from lexgrad.models.classifiers.recurrent import RecurrentClassifier as RecurrentClassifier
    from lexgrad.models.classifiers.recurrent import RNNClassifier as RNNClassifier
    from lexgrad.models.classifiers.softmax import SoftmaxRegression as SoftmaxRegression
    from lexgrad.models.language.feedforward import FeedForwardLM as FeedForwardLM
    from lexgrad.models.language.mixture import MixtureLM as MixtureLM
    from lexgrad.models.language.ngram import NGramLM as NGramLM
    from lexgrad.models.language.recurrent import GRULM as GRULM
    from lexgrad.models.language.recurrent import LSTMLM as LSTMLM
    from lexgrad.models.language.recurrent import RNNLM as RNNLM
    from lexgrad.models.storage import from_config as from_config
    from lexgrad.models.storage import load as load
    from lexgrad.models.tagging.tagger import Tagger as Tagger
    from lexgrad.models.vectors.word2vec import Word2Vec as Word2Vec

_CLASSES = {
    "logistic": "classifiers.logistic:LogisticRegression",
    "softmax": "classifiers.softmax:SoftmaxRegression",
    "ffnn": "classifiers.feedforward:FeedForward",
    "cnn": "classifiers.convolutional:TextCNN",
    "bow": "classifiers.bag:BagOfNgrams",
    "dan": "classifiers.averaging:DeepAveraging",
    "rnn": "classifiers.recurrent:RNNClassifier",
    "lstm": "classifiers.recurrent:LSTMClassifier",
    "gru": "classifiers.recurrent:GRUClassifier",
    "tagger": "tagging.tagger:Tagger",
    "ngram-lm": "language.ngram:NGramLM",
    "ffnn-lm": "language.feedforward:FeedForwardLM",
    "rnn-lm": "language.recurrent:RNNLM",
    "lstm-lm": "language.recurrent:LSTMLM",
    "gru-lm": "language.recurrent:GRULM",
    "mixture-lm": "language.mixture:MixtureLM",
    "word2vec": "vectors.word2vec:Word2Vec",
}
_OTHERS = (
    "base:Model",
    "classifiers.base:TextClassifier",
    "classifiers.recurrent:RecurrentClassifier",
    "storage:from_config",
    "storage:load",
)
_PLACES = {place.partition(":")[2]: place.partition(":")[0] for place in (*_CLASSES.values(), *_OTHERS)}


class _Models(Mapping[str, "type[Model]"]):
    """The classes by name, in the order of the table."""

    def __getitem__(self, name: str) -> type[Model]:
        cls: type[Model] = __getattr__(_CLASSES[name].partition(":")[2])
        return cls

    def __iter__(self) -> Iterator[str]:
        return iter(_CLASSES)

    def __len__(self) -> int:
        return len(_CLASSES)


MODELS: Mapping[str, type[Model]] = _Models()
"""Every model by the name that the command line and config.json use."""


def model_named(name: str) -> type[Model]:
    """Return the class of the model called ``name`` ("logistic", "softmax", "ffnn", …).

    Raises:
        InputError: there is no such model.
    """
    if name not in MODELS:
        raise InputError(f"there is no model {name!r}{suggest(str(name), MODELS)}; models: {', '.join(MODELS)}")
    return MODELS[name]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)


__all__ = ["MODELS", "model_named", *sorted(_PLACES)]  # noqa: PLE0604 (names that are in the table)
