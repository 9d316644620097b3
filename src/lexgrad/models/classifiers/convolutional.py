"""Convolutional networks over the words of a text: windows, filters, pooling, and layers behind them."""

# ruff: noqa: RUF009  # `setting` declares a field, as dataclasses.field does

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lexgrad import ops
from lexgrad.errors import InputError
from lexgrad.models.classifiers.filters import look_through
from lexgrad.models.classifiers.words import WordClassifier
from lexgrad.models.features.word_kinds import named_features
from lexgrad.models.settings import setting
from lexgrad.nn.activations import ACTIVATIONS, activation
from lexgrad.nn.initialisers import generator
from lexgrad.nn.layers import Drop, linear, undropped
from lexgrad.nn.norms import limit_norms
from lexgrad.ops.windows import PADDINGS, POOLS, Windows, convolve, pool_texts, pool_windows, window_places

if TYPE_CHECKING:
    from lexgrad.graph import Node
    from lexgrad.models.features.encoder import Encoder
    from lexgrad.models.features.inputs import Inputs
    from lexgrad.models.features.words import WordEncoder

COPY = "E_fixed"


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class TextCNN(WordClassifier):
    """A convolutional network: each filter looks at windows of words, and its largest answer in a text is a feature.

    For a kernel of k words the rows x of every k neighbouring words lie side by side, c = x W + b is a filter's answer
    to each window, and a = max of g(c) over the windows of a text (or their mean) is the text's feature. The features
    of all kernels go, by dropout, through layers of ``units`` to a softmax. Text shorter than a kernel has one window,
    filled up with zero vectors.

    g rises, so that max g(c) = g(max(x W) + b): with ``pool="max"`` it is computed so, for one window a text.

    Parameters (``parameters_``): ``E`` (words, dimensions); ``E_fixed`` with ``fixed_copy``; ``F_name`` (kinds,
    feature_dimensions) of each of ``word_features``; for a kernel of k words
    ``K{k}`` (k, filters, width) and ``b_K{k}``; ``W1``, ``b1``, ... of the layers behind, the last one to classes.

    References:
        Kim, "Convolutional neural networks for sentence classification", EMNLP 2014; Collobert et al., "Natural
        language processing (almost) from scratch", JMLR 2011.
    """

    name: ClassVar[str] = "cnn"
    usual_dimensions: ClassVar[int] = 300

    dimensions: int | None = setting(
        None, "width of embeddings; None: that of the vectors, or 300", least=1, search="50..300:50"
    )
    kernels: int | tuple[int, ...] = setting(
        (3, 4, 5),
        "words in a window: one number for each size of kernel",
        least=1,
        search="1,2,3|2,3,4|3,4,5|1,2,3,4",
    )
    filters: int = setting(100, "filters of each size", least=1, search="50..200:50")
    stride: int = setting(1, "words from one window to the next", least=1)
    padding: str = setting(
        "full",
        "zero vectors around a text; valid: none, same: a window for each word, full: every window with a word in it",
        choices=PADDINGS,
    )
    activation: str = setting("relu", "activation g of filters and layers", choices=tuple(ACTIVATIONS))
    window_pool: str | None = setting(None, "first pool neighbouring answers: max or mean", choices=POOLS)
    window_pool_size: int = setting(2, "answers that window_pool makes one of", least=1)
    window_pool_stride: int | None = setting(
        None, "answers from one pooled window to the next; None: window_pool_size", least=1
    )
    pool: str = setting("max", "how the answers to a text become one: over all time", choices=POOLS)
    fixed_copy: bool = setting(False, "a second channel: a copy of the first embeddings that training leaves alone")
    word_features: Any = setting(
        (), "further channels, of a word: length, shape, pos:RUN (by a tagger), or functions of it, also a dict by name"
    )
    feature_dimensions: int = setting(10, "width of the learned vector of each kind of word, by feature", least=1)
    units: int | tuple[int, ...] = setting(
        (), "units of hidden layers behind the filters; (): none", least=1, search="()|100"
    )
    max_norm: float | None = setting(
        3.0, "after each step, scale the output weights of each class down to this norm; None: leave them", least=0
    )
    dropout: float = setting(
        0.5, "share of features and hidden units set to zero while training", least=0, search="0..0.6"
    )

    optimizer: str = setting(
        "adadelta",
        "the update rule",
        choices=("sgd", "momentum", "nesterov", "adagrad", "adadelta", "adam", "adamw"),
        search="adadelta,adam",
    )
    learning_rate: float = setting(1.0, "step size of the first step (after warm-up)", least=0, search="5e-4..2:log")
    lazy: bool = setting(True, "a step updates only the rows of embeddings that its batch reads (state and l2 too)")
    batch: int = setting(50, "texts in a mini-batch", least=1, search="25,50,100")

    def sizes(self) -> tuple[int, ...]:
        """Return the words in each size of kernel."""
        return tuple(self.kernels) if isinstance(self.kernels, tuple | list) else (int(self.kernels),)

    def layers(self) -> int:
        """Return how many layers of weights come behind the filters, the output layer included."""
        return len(self._units()) + 1

    def _units(self) -> tuple[int, ...]:
        return tuple(self.units) if isinstance(self.units, tuple | list) else (int(self.units),)

    def check(self) -> None:
        """See Model.check."""
        super().check()
        named_features(self.word_features)
        sizes = self.sizes()
        if not sizes or len(set(sizes)) < len(sizes):
            raise InputError(f"kernels names at least one size of kernel, and each size once; got {self.kernels!r}")

    def require_storable(self) -> None:
        """See Model.require_storable: of functions of words the kinds are kept that they gave."""

    def shapes(self, encoder: Encoder, classes: int) -> dict[str, tuple[int, ...]]:
        """See TextClassifier.shapes."""
        shapes = self.embedding_shapes(encoder)
        width = shapes["E"][1]
        if self.fixed_copy:
            shapes[COPY] = shapes["E"]
            width *= 2
        words: WordEncoder = encoder  # type: ignore[assignment]
        for name, kinds in words.kinds.items():
            shapes[f"F_{name}"] = (int(kinds.max(initial=0)) + 1, self.feature_dimensions)
            width += self.feature_dimensions
        for k in self.sizes():
            shapes[f"K{k}"] = (k, self.filters, width)
            shapes[f"b_K{k}"] = (self.filters,)
        width = self.filters * len(self.sizes())
        for layer, outputs in enumerate((*self._units(), classes), 1):
            shapes[f"W{layer}"] = (width, outputs)
            shapes[f"b{layer}"] = (outputs,)
            width = outputs
        return shapes

    def initial(self, name: str, shape: tuple[int, ...], encoder: Encoder) -> NDArray[np.float64]:
        """See TextClassifier.initial."""
        if name.startswith("K"):
            k, filters, width = shape
            return super().initial(name, (k * width, filters), encoder).reshape(k, width, filters).transpose(0, 2, 1)
        if name.startswith("F_"):
            return generator(self.seed, name).standard_normal(shape) * self.init_std
        return super().initial("E" if name == COPY else name, shape, encoder)

    def frozen(self) -> frozenset[str]:
        """See TextClassifier.frozen."""
        return super().frozen() | ({COPY} if self.fixed_copy else set())

    def constrained(self, name: str, value: Node) -> Node:
        """See TextClassifier.constrained."""
        last = name == f"W{self.layers()}"
        return limit_norms(value, self.max_norm, 0) if last and self.max_norm is not None else value

    def logits(self, parameters: Mapping[str, Node], inputs: Mapping[str, Node], drop: Drop) -> Node:
        """See TextClassifier.logits."""
        read = {**inputs, "ids": self.read(inputs["ids"], drop)}
        x = self.rows(parameters, read).named("e")
        found = {k: self.answers(k, x, parameters, inputs["offsets"]) for k in self.sizes()}
        return self._classified(found, parameters, drop)

    def of_words(self, parameters: Mapping[str, Node], inputs: Mapping[str, Node]) -> dict[str, Node]:
        """See TextClassifier.of_words: what a word adds to the answers of filters from each place under them."""
        x = self.rows(parameters, inputs)
        return {f"K{k}[{j}]": ops.matmul(x, parameters[f"K{k}"][j].T) for k in self.sizes() for j in range(k)}

    def logits_of(self, tables: Mapping[str, Node], parameters: Mapping[str, Node], inputs: Mapping[str, Node]) -> Node:
        """See TextClassifier.logits_of."""
        ids, found = inputs["ids"], {}
        for k in self.sizes():
            over = window_places(inputs["offsets"], ids.shape[0], k, stride=self.stride, padding=self.padding)
            words = ops.where(over.places >= 0, ops.take(ids, over.places), -1)
            parts = [ops.take(tables[f"K{k}[{j}]"], words[:, j]) for j in range(k)]
            found[k] = functools.reduce(ops.add, parts), over
        return self._classified(found, parameters, undropped)

    def _classified(
        self, found: Mapping[int, tuple[Node, Windows]], parameters: Mapping[str, Node], drop: Drop
    ) -> Node:
        """The logits; ``found`` are answers and windows of each size of kernel, see ``answers``."""
        g, last = activation(self.activation), self.layers()
        features = [self._feature(c, over, parameters[f"b_K{k}"]).named(f"a_K{k}") for k, (c, over) in found.items()]
        a = ops.concatenate(features, 1).named("a")
        for layer in range(1, last):
            z = linear(drop(a), parameters[f"W{layer}"], parameters[f"b{layer}"]).named(f"z{layer}")
            a = g(z).named(f"a{layer}")
        return linear(drop(a), parameters[f"W{last}"], parameters[f"b{last}"]).named(f"z{last}")

    def rows(self, parameters: Mapping[str, Node], inputs: Mapping[str, Node]) -> Node:
        """Return what is known of each word: its channels side by side, (tokens, width)."""
        ids = inputs["ids"]
        rows = [ops.take(parameters[name], ids) for name in ("E", COPY) if name in parameters]
        rows += [
            ops.take(table, inputs[f"kind_{name[2:]}"]) for name, table in parameters.items() if name.startswith("F_")
        ]
        return ops.concatenate(rows, 1) if len(rows) > 1 else rows[0]

    def answers(self, k: int, x: Node, parameters: Mapping[str, Node], offsets: Node) -> tuple[Node, Windows]:
        """Return what each filter of ``k`` words makes of each window, without its bias, and the windows."""
        over = window_places(offsets, x.shape[0], k, stride=self.stride, padding=self.padding)
        return convolve(x, parameters[f"K{k}"], over.places.named(f"windows{k}")).named(f"c{k}"), over

    def _feature(self, c: Node, over: Windows, bias: Node) -> Node:
        """The feature of each text that each filter makes of its answers, (batch, filters)."""
        g = activation(self.activation)
        if self.pool == "max" and self.window_pool != "mean":
            return g(self._pooled(c, over) + bias)
        return self._pooled(g(c + bias), over)

    def look_through(self, inputs: Inputs, codes: NDArray[np.int64]) -> dict[str, Any]:
        """See TextClassifier.look_through."""
        return {"filters": look_through(self, self.encoder_, self.parameters_, inputs, codes, self.classes_)}

    def top_ngrams(self, n: int = 5) -> list[dict[str, Any]]:
        """Return for each filter the n-grams of the training texts to which it answers most.

        Args:
            n: how many of each filter, 10 at most.

        Returns:
            A dict for each filter: ``kernel`` (how many words), ``filter`` (its number, from 0), ``votes`` (what an
            answer of 1 adds to the logit of each class; only without hidden layers) and ``ngrams``: dicts with
            ``ngram``, ``answer`` and ``classes``: in how many texts of each class it was the filter's largest answer.
            Of more than 10 000 training texts so many are looked through, drawn by the seed.

        Raises:
            InputError: the model was trained and saved without it.
            NotFittedError: before ``fit``.
        """
        self._require_fitted()
        if "filters" not in self.learned_:
            raise InputError("the files of this model do not say which n-grams its filters answer to; train it again")
        return [{**row, "ngrams": row["ngrams"][:n]} for row in self.learned_["filters"]]

    def _pooled(self, c: Node, over: Windows) -> Node:
        if self.window_pool is not None:
            size = self.window_pool_size
            stride = self.window_pool_stride or size
            further = window_places(over.offsets, c.shape[0], size, stride=stride, lengths=over.lengths)
            c, over = pool_windows(c, further, self.window_pool), further
        return pool_texts(c, over.offsets, self.pool, over.lengths)
