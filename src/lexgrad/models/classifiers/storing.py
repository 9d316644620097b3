"""The files of a text classifier: parameters and the encoder's arrays, classes, settings, tokenizer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError
from lexgrad.models.classifiers.decision import Decision
from lexgrad.models.features.encoder import Encoder, restore_encoder
from lexgrad.models.storage import ENCODER, settings_to_json
from lexgrad.train.run import TOKENIZER, Run

if TYPE_CHECKING:
    from lexgrad.models.classifiers.base import TextClassifier

Array = NDArray[Any]


def run_config(model: TextClassifier, classes: Array, data: Mapping[str, Any]) -> dict[str, Any]:
    """What config.json records when training begins."""
    return {
        "model": model.name,
        "settings": settings_to_json(model),
        "classes": _classes_to(classes),
        "data": dict(data),
    }


def write_start(run: Run, encoder: Encoder, config: Mapping[str, Any]) -> None:
    """Write what is known before training: the tokenizer, then config.json."""
    run.path.mkdir(parents=True, exist_ok=True)
    if encoder.tokenizer is not None:
        encoder.tokenizer.save(run.path / TOKENIZER)
    run.write_config({**config, "encoder": {"kind": encoder.kind, **encoder.config()}})


def write_finished(run: Run, model: TextClassifier) -> None:
    """Write what was decided on the dev set into config.json, then learned.json if it says anything, and the model."""
    if model.decision_ != Decision():
        run.write_config({**run.config(), "decision": asdict(model.decision_)})
    arrays = {f"{ENCODER}{name}": array for name, array in model.encoder_.arrays().items()}
    if model.learned_:
        run.write_learned(model.learned_)
    run.write_model({**model.parameters_, **arrays})


def read_from(model: TextClassifier, run: Run, config: Mapping[str, Any]) -> None:
    """Set the fitted attributes of a model from its files; see Model.read_from."""
    arrays = run.read_model()
    own = {name.removeprefix(ENCODER): array for name, array in arrays.items() if name.startswith(ENCODER)}
    classes = _classes_from(config["classes"])
    encoder = restore_encoder(config["encoder"], own, run.path / TOKENIZER)
    parameters = {name: array for name, array in arrays.items() if not name.startswith(ENCODER)}
    shapes = model.shapes(encoder, len(classes))
    for name, shape in shapes.items():
        found = parameters[name].shape if name in parameters else None
        if found != shape:
            got = "is missing" if found is None else f"has shape {found}"
            raise InputError(f"{run.path}: parameter {name} {got}, expected {shape}: the files do not belong together")
    model.classes_, model.encoder_, model.parameters_ = classes, encoder, parameters
    model.decision_ = Decision(**config.get("decision", {}))
    model.learned_ = run.read_learned()
    model.history_ = run.read_metrics()
    model.n_iter_ = len(model.history_)
    if encoder.takes != "text":
        model.n_features_in_ = encoder.width


def _classes_to(classes: Array) -> dict[str, Any]:
    return {"dtype": classes.dtype.str, "values": classes.tolist()}


def _classes_from(config: Mapping[str, Any]) -> Array:
    dtype = np.dtype(config["dtype"])
    return np.array(config["values"], dtype=dtype)
