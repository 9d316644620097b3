"""The files of word vectors: both matrices, the words and their counts, and settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError
from lexgrad.models.storage import settings_to_json
from lexgrad.train.run import MODEL, Run

if TYPE_CHECKING:
    from lexgrad.models.vectors.word2vec import Word2Vec


def run_config(model: Word2Vec, data: Mapping[str, Any]) -> dict[str, Any]:
    """What config.json records when training begins."""
    return {"model": model.name, "settings": settings_to_json(model), "data": dict(data)}


def write_start(run: Run, model: Word2Vec, data: Mapping[str, Any]) -> None:
    """Write what is known before training."""
    run.path.mkdir(parents=True, exist_ok=True)
    run.write_config(run_config(model, data))


def write_finished(run: Run, model: Word2Vec) -> None:
    """Write model.safetensors."""
    letters, ends = packed_words(model.vocabulary_)
    run.write_model({**model.parameters_, "counts": model.counts_, "words": letters, "word_ends": ends})


def read_from(model: Word2Vec, run: Run) -> None:
    """Set the fitted attributes; see Model.read_from."""
    arrays = run.read_model(mapped=True)  # one word is asked about: a million need not be read
    wanted = {"W": 2, "C": 2, "counts": 1, "words": 1, "word_ends": 1}
    for name, axes in wanted.items():
        if name not in arrays or arrays[name].ndim != axes:
            raise InputError(f"{run.path / MODEL} is damaged: it has no {name}; restore it or train again")
    words = unpacked_words(arrays["words"], arrays["word_ends"])
    rows = len(words) + (model.buckets if model.subwords is not None else 0)
    shapes = {"W": (rows, model.dimensions), "C": (len(words), model.dimensions), "counts": (len(words),)}
    for name, shape in shapes.items():
        if arrays[name].shape != shape:
            raise InputError(
                f"{run.path}: {name} has shape {arrays[name].shape}, expected {shape}: the files do not belong together"
            )
    model.parameters_ = {"W": arrays["W"], "C": arrays["C"]}
    model.vocabulary_, model.counts_ = words, arrays["counts"]
    model.history_ = run.read_metrics()
    model.n_iter_ = len(model.history_)


def packed_words(words: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Words as one run of UTF-8, and where each ends."""
    ends = np.cumsum(np.fromiter((len(word.encode("utf-8")) for word in words), np.int64, len(words)))
    return np.frombuffer("".join(words).encode("utf-8"), np.uint8), ends


def unpacked_words(letters: NDArray[np.uint8], ends: NDArray[np.int64]) -> list[str]:
    """The words that ``packed_words`` packed."""
    data, places = letters.tobytes(), [0, *ends.tolist()]
    return [data[start:end].decode("utf-8") for start, end in pairwise(places)]
