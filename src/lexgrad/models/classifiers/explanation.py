"""What a trained model makes of one text: every layer, the loss, the gradient, and what each word had to do with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError, suggest
from lexgrad.evaluate import Interpreter
from lexgrad.explain import Derivation, explain
from lexgrad.graph import Node, Type, input_node
from lexgrad.models.classifiers.decision import probabilities
from lexgrad.models.classifiers.explained import Explanation, Ngram, Word
from lexgrad.models.classifiers.prediction import prediction_graph
from lexgrad.models.features.hashed import HashedEncoder
from lexgrad.models.features.inputs import BATCH, Inputs
from lexgrad.models.features.word_rows import LOGITS
from lexgrad.nn.layers import undropped
from lexgrad.nn.losses import classification_loss
from lexgrad.text.packed import pack

if TYPE_CHECKING:
    from lexgrad.models.classifiers.base import TextClassifier

Array = NDArray[Any]
LABEL = "y"


def explain_prediction(
    model: TextClassifier, text: str, *, label: Any = None, wrt: str | None = None, steps: Any = "auto", paths: int = 8
) -> Explanation:
    """Explain what a model says of a text.

    Args:
        model: fitted, on texts.
        text: any text.
        label: the right label; None takes the one that the model predicts.
        wrt: a parameter, or an entry of one: ``"W1[0, 0]"``.
        steps: as for ``lexgrad.explain``.
        paths: as for ``lexgrad.explain``.

    Raises:
        InputError: the model was trained on numbers, the label is none of the model's, or ``wrt`` does not exist.
    """
    if model.encoder_.takes != "text":
        raise InputError("this model was trained on numbers; only models of texts can be asked about a text")
    names = [str(name) for name in model.classes_]
    batch, _ = model.encoder_.encode([text]).batch()
    chances = model.decision_.probabilities(_logits(model, batch))
    predicted = int(model.decision_.choose(chances)[0])
    if label is not None and str(label) not in names:
        near = suggest(str(label), names)
        raise InputError(f"the model has no label {str(label)!r}{near}; its labels: {', '.join(names[:20])}")
    target = predicted if label is None else names.index(str(label))
    loss = _loss(model)
    at = {**model.parameters_, **batch, LABEL: np.array([target])}
    derivation = explain(loss, _asked(model, wrt), at=_used(loss, at), steps=steps, paths=paths)
    features = _features(model, text, derivation)
    return Explanation(
        model=model.name,
        text=text,
        label=names[target],
        predicted=names[predicted],
        probabilities=dict(zip(names, map(float, chances[0]), strict=True)),
        words=tuple(_words(model, text, target, float(derivation.target.value), features)),
        ngrams=tuple(_ngrams(model, text, features)),
        derivation=derivation,
    )


def _loss(model: TextClassifier) -> Node:
    """The graph of the loss of one text, without dropout: the one that training differentiates."""
    shapes = model.shapes(model.encoder_, len(model.classes_))
    parameters = {name: input_node(name, Type("float", shape)) for name, shape in shapes.items()}
    inputs = {name: input_node(name, type) for name, type in model.encoder_.input_types().items()}
    logits = model.logits(parameters, inputs, undropped)
    if not logits.name and not any(operand.name.startswith("z") for operand in logits.inputs):
        logits.named("z")  # what squeezes a named layer needs no name of its own
    return classification_loss(logits, input_node(LABEL, Type("int", (BATCH,)))).named("L")


def _used(loss: Node, at: Mapping[str, Array]) -> dict[str, Array]:
    from lexgrad.graph import INPUT, topological

    used = {node.name for node in topological([loss]) if node.primitive is INPUT}
    return {name: np.asarray(value) for name, value in at.items() if name in used}


def _asked(model: TextClassifier, wrt: str | None) -> str | None:
    if wrt is None:
        return None
    name = wrt.partition("[")[0].strip()
    if name in ("ids", "values", "offsets", "steps", "rank"):
        raise InputError(f"{name} says which words the text has; ask for one of {', '.join(model.parameters_)}")
    return wrt


@dataclass(frozen=True)
class _Feature:
    """What a model reads of a text: the words from ``begin`` to ``end``, all its occurrences, and its blame."""

    spans: list[tuple[int, int]]
    blame: float


def _words(model: TextClassifier, text: str, target: int, loss: float, features: list[_Feature]) -> Iterator[Word]:
    """Every token of the text with its blame; none where the features are a user's own functions."""
    tokenizer = model.encoder_.tokenizer
    if tokenizer is None:
        return
    tokens, ids = tokenizer.tokens(text), np.asarray(tokenizer.encode([text]).ids)
    known = [bool(number != tokenizer.unknown or tokenizer.kind == "bpe") for number in ids]
    blame = np.zeros(len(ids))
    for feature in features:  # what it has goes in equal parts to the tokens of all its occurrences
        share = feature.blame / sum(end - begin for begin, end in feature.spans)
        for begin, end in feature.spans:
            blame[begin:end] += share
    erased = loss - _losses(model, tokens, ids, target)
    for token, there, gradient, change in zip(tokens, known, blame, erased, strict=True):
        yield Word(token, there, float(gradient), float(change))


def _ngrams(model: TextClassifier, text: str, features: list[_Feature]) -> list[Ngram]:
    """Features of two and more words, each n-gram once, those first that answer for most."""
    found: dict[str, float] = {}
    tokens = model.encoder_.tokenizer.tokens(text) if model.encoder_.tokenizer is not None else []
    for feature in features:
        begin, end = feature.spans[0]
        if end - begin > 1:
            ngram = " ".join(tokens[begin:end])
            found[ngram] = found.get(ngram, 0.0) + feature.blame
    return [Ngram(*each) for each in sorted(found.items(), key=lambda each: -abs(each[1]))]


def _features(model: TextClassifier, text: str, derivation: Derivation) -> list[_Feature]:
    """Input · ∂L/∂input of each feature of a text: of embeddings summed over their numbers."""
    tokenizer = model.encoder_.tokenizer
    ids = np.zeros(0) if tokenizer is None else np.asarray(tokenizer.encode([text]).ids)
    if not len(ids):
        return []
    steps = {step.name: step for step in derivation.steps}
    step = steps["e" if model.encoder_.words else "values"]
    products = step.value * (np.zeros_like(step.value) if step.gradient is None else step.gradient)
    if isinstance(model.encoder_, HashedEncoder):
        spans = [[span] for span in model.encoder_.spans(text)]
    elif model.encoder_.words:
        spans = [[(i, i + 1)] for i in range(len(ids))]  # what was cut off has no part in it
    else:
        table: Array = model.encoder_.table.words
        spans = [_occurrences(ids, words[words >= 0]) for words in table[steps["ids"].value]]
    if model.encoder_.words:
        products = products.reshape(-1, products.shape[-1]).sum(axis=1)
    return [_Feature(places, float(product)) for places, product in zip(spans, products, strict=False)]


def _occurrences(ids: Array, gram: Array) -> list[tuple[int, int]]:
    """Where an n-gram stands in a text."""
    starts = range(len(ids) - len(gram) + 1)
    return [(i, i + len(gram)) for i in starts if np.array_equal(ids[i : i + len(gram)], gram)]


def _losses(model: TextClassifier, tokens: list[str], ids: Array, target: int) -> NDArray[np.float64]:
    """-log of the probability of the label, for the text without each of its tokens."""
    if not len(ids):
        return np.zeros(0)
    encoder, places = model.encoder_, range(len(ids))
    if isinstance(encoder, HashedEncoder) and encoder.characters is not None:  # unknown words have characters, too
        inputs: Inputs = encoder.encode([" ".join(tokens[:i] + tokens[i + 1 :]) for i in places])
    else:
        inputs = encoder.inputs(pack([np.delete(ids, i) for i in places]))
    logits = _logits(model, inputs.batch()[0])
    return np.asarray(-np.log(np.maximum(probabilities(logits)[:, target], np.finfo(float).tiny)))


def _logits(model: TextClassifier, batch: Mapping[str, Array]) -> NDArray[np.float64]:
    """By the interpreter, in float64: nothing has to be compiled for one text."""
    graph = prediction_graph(model, model.encoder_, len(model.classes_))
    return np.asarray(Interpreter(graph).run({**model.parameters_, **batch})[LOGITS])
