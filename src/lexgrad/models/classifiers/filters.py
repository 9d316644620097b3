"""What the filters of a convolutional network look for: the n-grams of training texts to which they answer most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lexgrad import ops
from lexgrad.graph import Graph, Type, input_node
from lexgrad.models.features.encoder import slices
from lexgrad.models.features.inputs import Inputs
from lexgrad.nn.activations import activation
from lexgrad.nn.initialisers import generator
from lexgrad.train.engine import runner

if TYPE_CHECKING:
    from lexgrad.models.classifiers.convolutional import TextCNN
    from lexgrad.models.features.encoder import Encoder

Array = NDArray[Any]
TEXTS = 10_000
"""How many of the training texts, drawn by the seed, are looked through."""
KEPT = 10
"""N-grams that are kept of each filter."""
CANDIDATES = 8 * KEPT
"""Texts with the largest answers, from which n-grams that differ are taken."""


def answers_graph(model: TextCNN, encoder: Encoder, classes: int) -> Graph:
    """Build the graph of each filter's largest answer in each text, (batch, filters), and the words it answers to.

    For kernels of k words its outputs are ``answer{k}`` and ``words{k}``, ids (batch, filters, k) with -1 for a zero
    vector.
    """
    shapes = model.shapes(encoder, classes)
    parameters = {name: input_node(name, Type("float", shape)) for name, shape in shapes.items()}
    inputs = {name: input_node(name, type) for name, type in encoder.input_types().items()}
    x, outputs = model.rows(parameters, inputs), {}
    for k in model.sizes():
        c, over = model.answers(k, x, parameters, inputs["offsets"])
        inside = ops.expand_dims(ops.max(over.places, 1) >= 0, 1)
        seen = ops.where(inside, c, -np.inf)
        place = ops.segment_argmax(seen, over.offsets)
        outputs[f"answer{k}"] = activation(model.activation)(
            ops.segment_max(seen, over.offsets) + parameters[f"b_K{k}"]
        )
        words = ops.take(over.places, place)
        outputs[f"words{k}"] = ops.where(words >= 0, ops.take(inputs["ids"], words), -1)
    used = {name: node for name, node in parameters.items() if not name.startswith(("W", "b")) or name[1:2] == "_"}
    return Graph({**used, **inputs}, outputs, f"filters_{model.name}")


def look_through(
    model: TextCNN, encoder: Encoder, parameters: Mapping[str, Array], inputs: Inputs, codes: Array, classes: Array
) -> list[dict[str, Any]]:
    """Find for each filter the n-grams of training texts with the largest answers.

    Args:
        model: whose filters they are.
        encoder: what encoded the texts; its tokenizer says what the words are.
        parameters: those that were learned.
        inputs: the training texts.
        codes: the class of each, a number.
        classes: the labels by number.

    Returns:
        A dict for each filter: ``kernel`` (its words), ``filter`` (its number, from 0), ``votes`` (what it adds to the
        logit of each class for an answer of 1; only without hidden layers) and ``ngrams``: dicts with ``ngram``,
        ``answer``, and ``classes``: in how many texts of each class it was the filter's largest answer.
    """
    graph = answers_graph(model, encoder, len(classes))
    run = runner(graph, "fp32" if model.precision == "bf16" else model.precision, model.threads)
    given = {name: parameters[name] for name in graph.inputs if name in parameters}
    chosen = np.arange(len(codes))
    if len(codes) > TEXTS:
        chosen = np.sort(generator(model.seed, "filters").choice(len(codes), TEXTS, replace=False))
    parts = []
    for part in slices(len(chosen), 256):
        batch, _ = inputs.batch(chosen[part])
        parts.append(run.run({**given, **{name: batch[name] for name in graph.inputs if name in batch}}))
    found: list[dict[str, Any]] = []
    vocabulary = encoder.tokenizer.vocabulary if encoder.tokenizer is not None else []
    for k in model.sizes():
        answer = np.concatenate([out[f"answer{k}"] for out in parts])
        words = np.concatenate([out[f"words{k}"] for out in parts])
        for number in range(answer.shape[1]):
            row: dict[str, Any] = {"kernel": k, "filter": number}
            if model.layers() == 1:
                place = model.sizes().index(k) * model.filters + number
                row["votes"] = _by_class(classes, parameters["W1"][place].tolist())
            row["ngrams"] = _ngrams(answer[:, number], words[:, number], codes[chosen], classes, vocabulary)
            found.append(row)
    return found


def _ngrams(
    answer: Array, words: Array, codes: Array, classes: Array, vocabulary: Sequence[str]
) -> list[dict[str, Any]]:
    """The n-grams with the largest answers, each once."""
    few = min(CANDIDATES, len(answer))
    best = np.argpartition(-answer, few - 1)[:few]
    best = best[np.lexsort((best, -answer[best]))]
    rows: dict[tuple[int, ...], int] = {}
    for text in best.tolist():
        if (words[text] >= 0).any():  # an empty text answers to nothing
            rows.setdefault(tuple(words[text].tolist()), text)
    kept = []
    for ids, text in list(rows.items())[:KEPT]:
        same = codes[(words == np.array(ids)).all(1)]
        counts = np.bincount(same, minlength=len(classes)).tolist()
        ngram = " ".join(vocabulary[word] for word in ids if word >= 0)
        kept.append({"ngram": ngram, "answer": round(float(answer[text]), 4), "classes": _by_class(classes, counts)})
    return kept


def _by_class(classes: Array, values: Sequence[Any]) -> dict[str, Any]:
    return {str(label): value for label, value in zip(classes.tolist(), values, strict=True)}
