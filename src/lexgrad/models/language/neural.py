"""What neural language models share: settings, files, and the parts of their networks that are the same."""

# ruff: noqa: RUF009  # `setting` declares a field, as dataclasses.field does

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from lexgrad import ops
from lexgrad.errors import InputError
from lexgrad.graph import Node, Type, input_node
from lexgrad.models.language.drawing import product
from lexgrad.models.language.lines import Lines, with_ends
from lexgrad.models.language.running import RunningLM
from lexgrad.models.language.sampled import Noise, sampled_loss
from lexgrad.models.settings import setting
from lexgrad.models.storage import settings_to_json
from lexgrad.nn.layers import Drop
from lexgrad.text.packed import ArrayBuilder
from lexgrad.text.tokenizer import Tokenizer
from lexgrad.train.progress import Progress
from lexgrad.train.run import TOKENIZER, Run

if TYPE_CHECKING:
    from lexgrad.train.batches import Examples
    from lexgrad.train.loop import Plan

Float = NDArray[np.float64]
PART = 1 << 16  # lines that are made a stream at a time
DIMENSIONS = 200


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class NeuralLM(RunningLM):
    """A language model that gradient descent trains on the mean of −log P over tokens, ends of lines included.

    Words seen fewer than ``min_count`` times in training are the unknown word, so that it is learned like any other.
    """

    usual_l2: ClassVar[float] = 0.0

    dimensions: int | None = setting(
        None, f"width of the embeddings; None: that of the vectors, or {DIMENSIONS}", least=1
    )
    vectors: Any = setting(None, "pretrained vectors: a file, a run, WordVectors, or (words, matrix)")
    fine_tune: bool = setting(True, "whether training changes pretrained embeddings")
    dropout: float = setting(0.0, "share of units set to zero while training", least=0)
    tied: bool = setting(False, "whether the embeddings are the output's weights as well")
    sampled: int | None = setting(
        None, "train on so many tokens drawn from a noise in place of all (large vocabularies); None: all", least=1
    )
    init_std: float = setting(0.05, "deviation of the embeddings before training", least=0)
    anneal: float = setting(1.0, "an epoch that is not the best yet on the dev set multiplies the rate by it", least=0)

    min_count: int = setting(2, "words seen fewer times than this are the unknown word", least=1)
    monitor: str = setting("loss", "what on the dev set is watched", choices=("loss", "perplexity"))
    optimizer: str = setting(
        "adam", "the update rule", choices=("sgd", "momentum", "nesterov", "adagrad", "adadelta", "adam", "adamw")
    )
    learning_rate: float = setting(0.002, "step size of the first step (after warm-up)", least=0)

    # ---- what a network defines -----------------------------------------------------------------------------

    @abstractmethod
    def initial(self, name: str, shape: tuple[int, ...]) -> Float:
        """Return a parameter before the first step."""

    @abstractmethod
    def objective(self, parameters: Mapping[str, Node], drop: Drop) -> tuple[Node, dict[str, Node], dict[str, Node]]:
        """Return the mean loss of a batch, the nodes of the batch, and what is carried to the next step."""

    @abstractmethod
    def examples(self, texts: Lines, key: NDArray[np.int64] | None) -> Examples:
        """Return what a training reads."""

    def dev_logarithms(self, lines: Lines) -> Float:
        """Return what ``line_logarithms`` does, or nearly so: what is watched between epochs, which has to be quick."""
        return self.line_logarithms(lines)

    def carried_start(self) -> dict[str, NDArray[Any]]:
        """Return what is carried before the first step."""
        return {}

    # ---- fitting ------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """See Model.check."""
        if self.dropout >= 1:
            raise InputError(f"setting 'dropout' of {type(self).__name__} is below 1; got {self.dropout!r}")
        if not self.fine_tune and self.vectors is None:
            raise InputError("fine_tune=False keeps embeddings as they come: it needs vectors")

    @property
    def width(self) -> int:
        """d, the width of the embeddings."""
        return int(self.dimensions or self.__dict__.get("_width", DIMENSIONS))

    def fit(
        self, X: Any, y: Any = None, *, dev: Any = None, run: Run | None = None, progress: Progress | None = None
    ) -> Self:
        """Train on a text.

        Args:
            X: a Corpus, a table, or a list of lines.
            y: nothing.
            dev: a text that is measured after every epoch; the best weights are kept (see ``patience``, ``anneal``).
            run: as for classifiers.
            progress: told about everything as it happens.

        Raises:
            InputError: unusable text or settings, or a run directory that belongs to another training.
            Interrupted: Ctrl-C; the state is saved where there is a run directory.
            NonFiniteError: the loss became infinite or not a number.
        """
        from lexgrad.models.language.fitting import fit_network

        self._check_settings()
        fit_network(self, X, dev=dev, run=run, progress=progress or Progress())
        return self

    def plan(self, steps: int) -> Plan:
        """See TrainedModel.plan."""
        return dataclasses.replace(super().plan(steps), anneal=self.anneal)

    def penalised(self) -> Callable[[str], bool]:
        """See TrainedModel.penalised; c is the output's bias."""
        return lambda name: not name.startswith(("b", "c"))

    def _parameter_nodes(self) -> dict[str, Node]:
        shapes = self.shapes(self.end + 1)
        return {name: input_node(name, Type("float", shape)) for name, shape in shapes.items()}

    def output_shapes(self, words: int, units: int) -> dict[str, tuple[int, ...]]:
        """The shapes of the output's parameters: O (units, V), or R (V, units) where training reads some rows of it.

        Tied: neither, and where units are not the embeddings' width P (units, d).
        """
        if not self.tied:
            return {"R": (words, units)} if self.sampled else {"O": (units, words)}
        return {"P": (units, self.width)} if units != self.width else {}

    def output(self, parameters: Mapping[str, Node], h: Node) -> Node:
        """What the last hidden units h say of every token, before the bias c: h O, h Rᵀ, or tied, h P Eᵀ.

        (n, V) of h (n, units), or of one vector (V,), with weights as ``laid_out`` has them.
        """
        h = self._projected(parameters, h)
        if "O" in parameters:
            return product(h, parameters["O"], self.end + 1)
        return ops.matmul(h, ops.transpose(parameters[self._rows()]))

    def _projected(self, parameters: Mapping[str, Node], h: Node) -> Node:
        """What is multiplied with the output's matrix."""
        return product(h, parameters["P"], self.width) if "P" in parameters else h

    def _rows(self) -> str:
        """The parameter whose rows (V, k) are the output's columns."""
        return "E" if self.tied else "R"

    def loss(self, parameters: Mapping[str, Node], h: Node, targets: Node) -> tuple[Node, dict[str, Node]]:
        """The mean of −log P of targets (n,), and the input nodes that it takes.

        The logits are h (n, units) O + c, all of them, or those of the targets and of a noise.
        """
        if not self.sampled:
            return ops.mean(ops.cross_entropy(self.output(parameters, h) + parameters["c"], targets)), {}
        h = self._projected(parameters, h)
        return sampled_loss(h, parameters[self._rows()], parameters["c"], targets, self.sampled)

    def noise(self, stream: NDArray[np.int32]) -> Noise | None:
        """The noise that ``sampled`` asks for, drawn as often as tokens occur in the stream."""
        return Noise.of(stream, self.end + 1, self.sampled, self.seed) if self.sampled else None

    # ---- text as a stream ---------------------------------------------------------------------------------------

    def stream(self, lines: Lines, before: int) -> NDArray[np.int32]:
        """Return all lines and their ends as one run of ids, with ``before`` ends of lines in front.

        Past a limit it lies in a temporary file, as the lines do.
        """
        with closing(ArrayBuilder(np.int32)) as ids:
            ids.append(np.full(before, self.end))
            for first in range(0, len(lines), PART):
                ids.append(with_ends(lines.texts[first : first + PART], self.end)[0])
            return ids.finish()

    # ---- files --------------------------------------------------------------------------------------------------

    def write_into(self, run: Run) -> None:
        """See Model.write_into."""
        run.path.mkdir(parents=True, exist_ok=True)
        self.tokenizer_.save(run.path / TOKENIZER)
        run.write_config({"model": self.name, "settings": settings_to_json(self), "data": {}})
        run.write_metrics(self.history_)
        run.write_model(self.parameters_)

    def read_from(self, run: Run, config: Mapping[str, Any]) -> None:
        """See Model.read_from."""
        self.tokenizer_ = Tokenizer.load(run.path / TOKENIZER)
        arrays = run.read_model()
        self._width = arrays["E"].shape[1]
        for name, shape in self.shapes(self.end + 1).items():
            found = arrays[name].shape if name in arrays else None
            if found != shape:
                got = "is missing" if found is None else f"has shape {found}"
                raise InputError(
                    f"{run.path}: parameter {name} {got}, expected {shape}: the files do not belong together"
                )
        self.parameters_ = arrays
        self.history_ = run.read_metrics()
