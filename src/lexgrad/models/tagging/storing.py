"""The files of a tagger: parameters, tags and settings, and what it knows of words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError
from lexgrad.models.storage import settings_to_json
from lexgrad.models.tagging import network
from lexgrad.models.tagging.encoder import WordEncoder
from lexgrad.train.run import TOKENIZER, Run

if TYPE_CHECKING:
    from lexgrad.models.tagging.tagger import Tagger


def run_config(model: Tagger, classes: NDArray[Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """What config.json records when training begins."""
    return {
        "model": model.name,
        "settings": settings_to_json(model),
        "classes": {"values": classes.tolist()},
        "data": dict(data),
    }


def write_start(run: Run, encoder: WordEncoder, config: Mapping[str, Any]) -> None:
    """Write what is known before training: the words in tokenizer.json, then config.json."""
    run.path.mkdir(parents=True, exist_ok=True)
    encoder.save(run.path / TOKENIZER)
    run.write_config(dict(config))


def write_finished(run: Run, model: Tagger) -> None:
    """Write model.safetensors."""
    run.write_model(model.parameters_)


def read_from(model: Tagger, run: Run, config: Mapping[str, Any]) -> None:
    """Set the fitted attributes of a model from its files; see Model.read_from."""
    parameters = run.read_model()
    classes = np.array(config["classes"]["values"])
    encoder = WordEncoder.load(run.path / TOKENIZER)
    width = parameters["V"].shape[1] if "V" in parameters and parameters["V"].ndim == 2 else 0
    for name, shape in network.shapes(model, encoder, width, len(classes)).items():
        found = parameters[name].shape if name in parameters else None
        if found != shape:
            got = "is missing" if found is None else f"has shape {found}"
            raise InputError(f"{run.path}: parameter {name} {got}, expected {shape}: the files do not belong together")
    model.classes_, model.encoder_, model.parameters_ = classes, encoder, parameters
    model.history_ = run.read_metrics()
    model.n_iter_ = len(model.history_)
