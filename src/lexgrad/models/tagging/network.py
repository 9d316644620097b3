"""The graph of a tagger: what is known of each word side by side, its context, and the logits of its tags."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from lexgrad import ops
from lexgrad.graph import Dim, Node, Type
from lexgrad.nn.activations import activation
from lexgrad.nn.neighbours import beside, neighbours
from lexgrad.nn.recurrence import CELLS, Weights, recurrence

if TYPE_CHECKING:
    from lexgrad.models.tagging.encoder import WordEncoder
    from lexgrad.models.tagging.tagger import Tagger

Drop = Callable[[Node], Node]
Nodes = Mapping[str, Node]
Shapes = dict[str, tuple[int, ...]]
TOKENS, BATCH, CHARACTERS, TIME = Dim("tokens"), Dim("batch"), Dim("characters"), Dim("time")
AROUND = 1  # characters on each side of one that a filter sees


def input_types(model: Tagger, encoder: WordEncoder) -> dict[str, Type]:
    """Types of the graph's inputs, by name; those that the network does not read are left out.

    A window network reads words sentence by sentence, which begin at ``offsets``; a recurrent one step by step, see
    ``lexgrad.packed_scan``.
    """
    types = {"words": Type("int", (TOKENS,))}
    if encoder.columns:
        types["affixes"] = Type("int", (TOKENS, len(encoder.columns)))
    if model.character_filters:
        types |= {"characters": Type("int", (CHARACTERS,)), "ends": Type("int", (TOKENS + 1,))}
    if encoder.pretrained.entries:
        types["pretrained"] = Type("int", (TOKENS,))
    if model.network == "window":
        return types | {"offsets": Type("int", (BATCH + 1,))}
    return types | {"steps": Type("int", (TIME + 1,)), "rank": Type("int", (BATCH,))}


def shapes(model: Tagger, encoder: WordEncoder, width: int, tags: int) -> Shapes:
    """The shape of each parameter by name; ``width`` is that of pretrained vectors."""
    found: Shapes = {"E": (len(encoder.words), model.dimensions)}
    known = model.dimensions
    if encoder.pretrained.entries:
        found["V"] = (len(encoder.pretrained.entries), width)
        known += width
    if encoder.columns:
        found["A"] = (encoder.rows, model.affix_dimensions)
        known += len(encoder.columns) * model.affix_dimensions
    if model.character_filters:
        found["C"] = (len(encoder.characters), model.character_dimensions)
        found["F"] = ((2 * AROUND + 1) * model.character_dimensions, model.character_filters)
        found["bF"] = (model.character_filters,)
        known += model.character_filters
    known = _context_shapes(model, known, found)
    return found | {"W": (known, tags), "b": (tags,)}


def _context_shapes(model: Tagger, known: int, found: Shapes) -> int:
    """Add the shapes of what reads the context; returns how wide what it makes of a word is."""
    if model.network == "window":
        known *= 2 * model.window + 1
        for layer in range(1, model.layers + 1):
            found |= {f"W{layer}": (known, model.units), f"b{layer}": (model.units,)}
            known = model.units
        return known
    sums = CELLS[model.cell] * model.units
    for layer in range(1, model.layers + 1):
        for way in "fb":
            found[f"W{layer}{way}"] = (known, sums)
            found[f"U{layer}{way}"] = (model.units, sums)
            found[f"b{layer}{way}"] = (sums,)
        known = 2 * model.units
    return known


def logits(model: Tagger, p: Nodes, inputs: Nodes, drop: Drop) -> Node:
    """The logits of every word's tags (tokens, tags); ``drop`` applies dropout while training."""
    h = drop(known_of_words(p, inputs).named("x"))
    for layer in range(1, model.layers + 1):
        if model.network == "window":
            seen = beside(h, inputs["offsets"], model.window, model.window) if layer == 1 else h
            z = ops.matmul(seen, p[f"W{layer}"]) + p[f"b{layer}"]
            h = activation(model.activation)(z.named(f"z{layer}"))
        else:
            h = ops.concatenate([_states(model.cell, p, inputs, h, f"{layer}{way}") for way in "fb"], axis=1)
        h = drop(h.named(f"h{layer}"))
    return (ops.matmul(h, p["W"]) + p["b"]).named("z")


def _states(cell: str, p: Nodes, inputs: Nodes, x: Node, place: str) -> Node:
    """The states of one way through the sentences (tokens, units); b goes backwards."""
    weights = Weights(p[f"W{place}"], p[f"U{place}"], p[f"b{place}"])
    return recurrence(cell, x, inputs["steps"], inputs["rank"], weights, reverse=place.endswith("b"))[1]


def known_of_words(p: Nodes, inputs: Nodes) -> Node:
    """What is known of each word by itself, side by side (tokens, …)."""
    words = inputs["words"]
    tokens = words.shape[0]
    known = [ops.take(p["E"], words).named("e")]
    if "V" in p:
        known.append(ops.take(p["V"], inputs["pretrained"]).named("v"))
    if "A" in p:
        affixes = inputs["affixes"]
        width = affixes.shape[1] * p["A"].shape[1]
        known.append(ops.reshape(ops.take(p["A"], affixes), (tokens, width)).named("affixes"))
    if "C" in p:
        fired = ops.segment_max(_filtered(p["C"], p["F"], inputs["characters"], inputs["ends"]), inputs["ends"])
        known.append(ops.relu(fired + p["bF"]).named("letters"))
    return ops.concatenate(known, axis=1) if len(known) > 1 else known[0]


def _filtered(C: Node, F: Node, characters: Node, ends: Node) -> Node:
    """The answer of each filter at each character (characters, filters).

    Each place of a filter meets every character of the table once, and what that gives is looked up: there are many
    times as many characters in a batch.
    """
    rows = neighbours(ends, characters.shape[0], AROUND, AROUND)
    around = ops.where(rows < 0, -1, ops.take(characters, rows))
    size = C.shape[1]
    answers = [ops.matmul(C, F[j * size : (j + 1) * size]) for j in range(2 * AROUND + 1)]
    taken = [ops.take(answer, around[:, j]) for j, answer in enumerate(answers)]
    return functools.reduce(ops.add, taken)
