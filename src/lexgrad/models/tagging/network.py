"""The graph of a tagger: what is known of each word side by side, its context, and the logits of its tags."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING

from lexgrad import ops
from lexgrad.graph import Dim, Node, Type
from lexgrad.nn.activations import activation
from lexgrad.nn.layers import Drop, undropped
from lexgrad.nn.neighbours import beside, neighbours
from lexgrad.nn.recurrence import CELLS, recurrence_of_sums

if TYPE_CHECKING:
    from lexgrad.models.tagging.encoder import WordEncoder
    from lexgrad.models.tagging.tagger import Tagger

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
    x = drop(known_of_words(p, inputs).named("x"))
    if model.network == "window":
        x = beside(x, inputs["offsets"], model.window, model.window)
    return _tagged(model, p, inputs, _sums(model, p, x, 1), drop)


def of_words(model: Tagger, p: Nodes, inputs: Nodes) -> dict[str, Node]:
    """What the first layer makes of each word by itself, by name, with a row for each of ``inputs["words"]``.

    Of a recurrent network these are the weighted sums; of a window network what a word adds to them from each place.
    """
    x = known_of_words(p, inputs)
    if model.network == "recurrent":
        return {f"sums{way}": sums for way, sums in _sums(model, p, x, 1).items()}
    size = x.shape[1]
    return {f"part{j}": ops.matmul(x, p["W1"][j * size : (j + 1) * size]) for j in range(2 * model.window + 1)}


def logits_of(model: Tagger, tables: Nodes, p: Nodes, inputs: Nodes) -> Node:
    """The logits where ``tables`` hold what ``of_words`` says of words: ``inputs["words"]`` are rows of them."""
    words = inputs["words"]
    if model.network == "recurrent":
        sums = {way: ops.take(tables[f"sums{way}"], words) for way in _ways(model)}
    else:
        rows = neighbours(inputs["offsets"], words.shape[0], model.window, model.window)
        around = ops.where(rows < 0, -1, ops.take(words, rows))
        parts = [ops.take(table, around[:, j]) for j, table in enumerate(tables.values())]
        sums = {"": functools.reduce(ops.add, parts) + p["b1"]}
    return _tagged(model, p, inputs, sums, undropped)


def _ways(model: Tagger) -> tuple[str, ...]:
    return ("f", "b") if model.network == "recurrent" else ("",)


def _sums(model: Tagger, p: Nodes, x: Node, layer: int) -> dict[str, Node]:
    """A layer's weighted sums of what comes in, for each way (tokens, …)."""
    return {way: ops.matmul(x, p[f"W{layer}{way}"]) + p[f"b{layer}{way}"] for way in _ways(model)}


def _tagged(model: Tagger, p: Nodes, inputs: Nodes, sums: Nodes, drop: Drop) -> Node:
    """The logits; ``sums`` are the first layer's, see ``_sums``."""
    h = drop(_outputs(model, p, inputs, sums, 1))
    for layer in range(2, model.layers + 1):
        h = drop(_outputs(model, p, inputs, _sums(model, p, h, layer), layer))
    return (ops.matmul(h, p["W"]) + p["b"]).named("z")


def _outputs(model: Tagger, p: Nodes, inputs: Nodes, sums: Nodes, layer: int) -> Node:
    """What a layer makes of its weighted sums (tokens, …); way b reads a sentence from its end."""
    if model.network == "window":
        return activation(model.activation)(sums[""].named(f"z{layer}")).named(f"h{layer}")
    steps, rank = inputs["steps"], inputs["rank"]
    ways = [
        recurrence_of_sums(model.cell, sums[way], steps, rank, p[f"U{layer}{way}"], reverse=way == "b")[1]
        for way in _ways(model)
    ]
    return ops.concatenate(ways, axis=1).named(f"h{layer}")


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
