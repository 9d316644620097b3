"""Models: one short file each, by task, under scikit-learn's conventions."""

from __future__ import annotations

from lexgrad.errors import InputError, suggest
from lexgrad.models.base import Model
from lexgrad.models.classifiers.averaging import DeepAveraging
from lexgrad.models.classifiers.bag import BagOfNgrams
from lexgrad.models.classifiers.base import TextClassifier
from lexgrad.models.classifiers.convolutional import TextCNN
from lexgrad.models.classifiers.feedforward import FeedForward
from lexgrad.models.classifiers.logistic import LogisticRegression
from lexgrad.models.classifiers.recurrent import GRUClassifier, LSTMClassifier, RecurrentClassifier, RNNClassifier
from lexgrad.models.classifiers.softmax import SoftmaxRegression
from lexgrad.models.language.feedforward import FeedForwardLM
from lexgrad.models.language.ngram import NGramLM
from lexgrad.models.language.recurrent import GRULM, LSTMLM, RNNLM
from lexgrad.models.storage import from_config, load
from lexgrad.models.tagging.tagger import Tagger
from lexgrad.models.vectors.word2vec import Word2Vec

MODELS: dict[str, type[Model]] = {
    cls.name: cls
    for cls in (
        LogisticRegression,
        SoftmaxRegression,
        FeedForward,
        TextCNN,
        BagOfNgrams,
        DeepAveraging,
        RNNClassifier,
        LSTMClassifier,
        GRUClassifier,
        Tagger,
        NGramLM,
        FeedForwardLM,
        RNNLM,
        LSTMLM,
        GRULM,
        Word2Vec,
    )
}
"""Every model by the name that the command line and config.json use."""


def model_named(name: str) -> type[Model]:
    """Return the class of the model called ``name`` ("logistic", "softmax", "ffnn", …).

    Raises:
        InputError: there is no such model.
    """
    if name not in MODELS:
        raise InputError(f"there is no model {name!r}{suggest(str(name), MODELS)}; models: {', '.join(MODELS)}")
    return MODELS[name]


__all__ = [
    "GRULM",
    "LSTMLM",
    "MODELS",
    "RNNLM",
    "BagOfNgrams",
    "DeepAveraging",
    "FeedForward",
    "FeedForwardLM",
    "GRUClassifier",
    "LSTMClassifier",
    "LogisticRegression",
    "Model",
    "NGramLM",
    "RNNClassifier",
    "RecurrentClassifier",
    "SoftmaxRegression",
    "Tagger",
    "TextCNN",
    "TextClassifier",
    "Word2Vec",
    "from_config",
    "load",
    "model_named",
]
