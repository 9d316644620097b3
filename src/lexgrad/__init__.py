"""lexgrad: neural text models that train fast on ordinary machines, and that people can see through.

Public names load when they are first used, so that ``import lexgrad`` costs next to nothing.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lexgrad.compile import (
        Compiled as Compiled,
    )
    from lexgrad.compile import (
        compile as compile,
    )
    from lexgrad.eager import (
        Variable as Variable,
    )
    from lexgrad.eager import (
        check_gradients as check_gradients,
    )
    from lexgrad.eager import (
        grad as grad,
    )
    from lexgrad.eager import (
        value_and_grad as value_and_grad,
    )
    from lexgrad.eager import (
        variable as variable,
    )
    from lexgrad.eager import (
        variables as variables,
    )
    from lexgrad.errors import (
        InputError as InputError,
    )
    from lexgrad.errors import (
        LexgradError as LexgradError,
    )
    from lexgrad.errors import (
        NonFiniteError as NonFiniteError,
    )
    from lexgrad.errors import (
        ShapeError as ShapeError,
    )
    from lexgrad.evaluate import (
        Interpreter as Interpreter,
    )
    from lexgrad.evaluate import (
        evaluate as evaluate,
    )
    from lexgrad.explain import (
        Derivation as Derivation,
    )
    from lexgrad.explain import (
        explain as explain,
    )
    from lexgrad.explain.picture import (
        Picture as Picture,
    )
    from lexgrad.explain.picture import (
        draw as draw,
    )
    from lexgrad.grad import (
        differentiate as differentiate,
    )
    from lexgrad.graph import (
        Dim as Dim,
    )
    from lexgrad.graph import (
        Graph as Graph,
    )
    from lexgrad.graph import (
        Node as Node,
    )
    from lexgrad.graph import (
        Type as Type,
    )
    from lexgrad.graph import (
        check as check,
    )
    from lexgrad.graph import (
        formula as formula,
    )
    from lexgrad.graph import (
        parse as parse,
    )
    from lexgrad.models import (
        GRULM as GRULM,
    )
    from lexgrad.models import (
        LSTMLM as LSTMLM,
    )
    from lexgrad.models import (
        RNNLM as RNNLM,
    )
    from lexgrad.models import (
        BagOfNgrams as BagOfNgrams,
    )
    from lexgrad.models import (
        DeepAveraging as DeepAveraging,
    )
    from lexgrad.models import (
        FeedForward as FeedForward,
    )
    from lexgrad.models import (
        FeedForwardLM as FeedForwardLM,
    )
    from lexgrad.models import (
        GRUClassifier as GRUClassifier,
    )
    from lexgrad.models import (
        LogisticRegression as LogisticRegression,
    )
    from lexgrad.models import (
        LSTMClassifier as LSTMClassifier,
    )
    from lexgrad.models import (
        MixtureLM as MixtureLM,
    )
    from lexgrad.models import (
        NGramLM as NGramLM,
    )
    from lexgrad.models import (
        RNNClassifier as RNNClassifier,
    )
    from lexgrad.models import (
        SoftmaxRegression as SoftmaxRegression,
    )
    from lexgrad.models import (
        Tagger as Tagger,
    )
    from lexgrad.models import (
        TextCNN as TextCNN,
    )
    from lexgrad.models import (
        Word2Vec as Word2Vec,
    )
    from lexgrad.models import (
        load as load,
    )
    from lexgrad.models.vectors.keyed import (
        KeyedVectors as KeyedVectors,
    )
    from lexgrad.ops import (
        abs as abs,
    )
    from lexgrad.ops import (
        arange as arange,
    )
    from lexgrad.ops import (
        argmax as argmax,
    )
    from lexgrad.ops import (
        binary_cross_entropy as binary_cross_entropy,
    )
    from lexgrad.ops import (
        broadcast_to as broadcast_to,
    )
    from lexgrad.ops import (
        cast as cast,
    )
    from lexgrad.ops import (
        concatenate as concatenate,
    )
    from lexgrad.ops import (
        cos as cos,
    )
    from lexgrad.ops import (
        cross_entropy as cross_entropy,
    )
    from lexgrad.ops import (
        dropout as dropout,
    )
    from lexgrad.ops import (
        equal as equal,
    )
    from lexgrad.ops import (
        exp as exp,
    )
    from lexgrad.ops import (
        expand_dims as expand_dims,
    )
    from lexgrad.ops import (
        gru_cell as gru_cell,
    )
    from lexgrad.ops import (
        linear as linear,
    )
    from lexgrad.ops import (
        log as log,
    )
    from lexgrad.ops import (
        log_sigmoid as log_sigmoid,
    )
    from lexgrad.ops import (
        log_softmax as log_softmax,
    )
    from lexgrad.ops import (
        logical_and as logical_and,
    )
    from lexgrad.ops import (
        logical_not as logical_not,
    )
    from lexgrad.ops import (
        logical_or as logical_or,
    )
    from lexgrad.ops import (
        logsumexp as logsumexp,
    )
    from lexgrad.ops import (
        lstm_cell as lstm_cell,
    )
    from lexgrad.ops import (
        matmul as matmul,
    )
    from lexgrad.ops import (
        max as max,
    )
    from lexgrad.ops import (
        maximum as maximum,
    )
    from lexgrad.ops import (
        mean as mean,
    )
    from lexgrad.ops import (
        min as min,
    )
    from lexgrad.ops import (
        minimum as minimum,
    )
    from lexgrad.ops import (
        not_equal as not_equal,
    )
    from lexgrad.ops import (
        one_hot as one_hot,
    )
    from lexgrad.ops import (
        pad as pad,
    )
    from lexgrad.ops import (
        put_along as put_along,
    )
    from lexgrad.ops import (
        random_uniform as random_uniform,
    )
    from lexgrad.ops import (
        relu as relu,
    )
    from lexgrad.ops import (
        reshape as reshape,
    )
    from lexgrad.ops import (
        reverse as reverse,
    )
    from lexgrad.ops import (
        rnn_cell as rnn_cell,
    )
    from lexgrad.ops import (
        scatter_add as scatter_add,
    )
    from lexgrad.ops import (
        segment_max as segment_max,
    )
    from lexgrad.ops import (
        segment_mean as segment_mean,
    )
    from lexgrad.ops import (
        segment_sum as segment_sum,
    )
    from lexgrad.ops import (
        sigmoid as sigmoid,
    )
    from lexgrad.ops import (
        sign as sign,
    )
    from lexgrad.ops import (
        sin as sin,
    )
    from lexgrad.ops import (
        size as size,
    )
    from lexgrad.ops import (
        softmax as softmax,
    )
    from lexgrad.ops import (
        softplus as softplus,
    )
    from lexgrad.ops import (
        sqrt as sqrt,
    )
    from lexgrad.ops import (
        square as square,
    )
    from lexgrad.ops import (
        squeeze as squeeze,
    )
    from lexgrad.ops import (
        stack as stack,
    )
    from lexgrad.ops import (
        stop_gradient as stop_gradient,
    )
    from lexgrad.ops import (
        sum as sum,
    )
    from lexgrad.ops import (
        take as take,
    )
    from lexgrad.ops import (
        take_along as take_along,
    )
    from lexgrad.ops import (
        tanh as tanh,
    )
    from lexgrad.ops import (
        transpose as transpose,
    )
    from lexgrad.ops import (
        where as where,
    )
    from lexgrad.text.corpus import (
        Corpus as Corpus,
    )
    from lexgrad.trace import (
        packed_scan as packed_scan,
    )
    from lexgrad.trace import (
        scan as scan,
    )
    from lexgrad.trace import (
        trace as trace,
    )

from lexgrad.version import __version__ as __version__

# The same names for the running program; a test holds the two lists against each other.
_ROOMS = {
    "compile": "Compiled compile",
    "eager": "Variable check_gradients grad value_and_grad variable variables",
    "errors": "InputError LexgradError NonFiniteError ShapeError",
    "evaluate": "Interpreter evaluate",
    "explain": "Derivation explain",
    "explain.picture": "Picture draw",
    "grad": "differentiate",
    "graph": "Dim Graph Node Type check formula parse",
    "models": (
        "BagOfNgrams DeepAveraging FeedForward FeedForwardLM GRUClassifier GRULM LSTMClassifier LSTMLM"
        " LogisticRegression MixtureLM NGramLM RNNClassifier RNNLM SoftmaxRegression Tagger TextCNN Word2Vec load"
    ),
    "ops": (
        "abs arange argmax binary_cross_entropy broadcast_to cast concatenate cos cross_entropy dropout equal exp"
        " expand_dims gru_cell linear log log_sigmoid log_softmax logical_and logical_not logical_or logsumexp"
        " lstm_cell matmul max maximum mean min minimum not_equal one_hot pad put_along random_uniform relu reshape"
        " reverse rnn_cell scatter_add segment_max segment_mean segment_sum sigmoid sign sin size softmax softplus"
        " sqrt square squeeze stack stop_gradient sum take take_along tanh transpose where"
    ),
    "models.vectors.keyed": "KeyedVectors",
    "text.corpus": "Corpus",
    "trace": "packed_scan scan trace",
}
_HOME = {name: room for room, names in _ROOMS.items() for name in names.split()}

__all__ = ["__version__", *_HOME]  # noqa: PLE0604


class _Package(ModuleType):
    """Some functions have the name of a room (``grad``, ``trace``): in this namespace the function is meant."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'lexgrad' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"lexgrad.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
