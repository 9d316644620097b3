"""The options of `lexgrad plot` and its commands; what they do is in `cli/plot.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lexgrad.cli.options import value
from lexgrad.cli.output import Output

plots = typer.Typer(
    rich_markup_mode="rich",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Draw activations, descent, boundaries, the health of a training, a search or word vectors, as SVG or PNG.",
)


Out = Annotated[Path | None, value("FILE", "Where to: .svg or .png; else the plot's own name as .svg.")]
Json = Annotated[bool, typer.Option("--json", metavar="", help="Print one JSON object.")]


@plots.command()
def activations(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Which; else all.")] = None,
    reach: Annotated[float, value("Z", "From -Z to Z.")] = 5.0,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Draw activation functions with their derivatives.

    \b
    Examples:
      lexgrad plot activations
      lexgrad plot activations sigmoid relu --out activations.png
    """
    from lexgrad.cli.plot import plot_activations

    plot_activations(names or (), reach, out or Path("activations.svg"), Output(as_json=as_json))


@plots.command()
def descent(
    target: Annotated[str, typer.Argument(metavar="TARGET", help="An expression of the loss, or a trained RUN.")],
    file: Annotated[
        str | None, typer.Argument(metavar="FILE", help="For a run: labelled texts that the loss is over.")
    ] = None,
    at: Annotated[list[str] | None, value("NAME=VALUE", "Where descent starts; repeatable.")] = None,
    over: Annotated[list[str] | None, value("NAME", "One of the two parameters: w, or W1[0,3]; twice.")] = None,
    rate: Annotated[list[float] | None, value("RATE", "A learning rate, a panel each; else low, right, high.")] = None,
    steps: Annotated[int, value("N", "Steps of descent.", least=1)] = 25,
    texts: Annotated[int, value("N", "For a run: take the first N texts.", least=1)] = 200,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Draw the loss over two parameters, the gradient, and where descent goes at each of some rates.

    \b
    Examples:
      lexgrad plot descent "(a-1)**2 + 3*(b+0.5)**2" --at a=4 --at b=2
      lexgrad plot descent "(a-1)**2 + 3*b**2" --at a=4 --at b=2 --rate 0.05 --rate 0.3 --rate 0.4
      lexgrad plot descent runs/ffnn-train-1 dev.csv --over "W1[0,0]" --over "W1[0,1]" --out descent.png
    """
    from lexgrad.cli.plot import DescentRequest, plot_descent

    request = DescentRequest(target, file, texts, tuple(at or ()), tuple(over or ()), tuple(rate or ()), steps)
    plot_descent(request, out or Path("descent.svg"), Output(as_json=as_json))


@plots.command()
def boundary(
    units: Annotated[int, value("N", "Hidden units.", least=1)] = 4,
    activation: Annotated[
        str, value("NAME", "Activation of the hidden layer; identity shows why one is needed.")
    ] = "tanh",
    epochs: Annotated[int, value("N", "Passes over the points.", least=1)] = 200,
    seed: Annotated[int, value("N", "Fixes first weights and order.", least=0)] = 1,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Train a network of two layers on exclusive or; draw its boundary before and after, and its hidden layer.

    \b
    Examples:
      lexgrad plot boundary
      lexgrad plot boundary --activation identity --out no-non-linearity.png
    """
    from lexgrad.cli.plot import plot_boundary

    plot_boundary(units, activation, epochs, seed, out or Path("boundary.svg"), Output(as_json=as_json))


@plots.command()
def health(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A directory that [b]train --watch[/] made.")],
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Draw gradients, updates and silent ReLUs over the steps of a training that was watched.

    \b
    Examples:
      lexgrad plot health runs/ffnn-train-1
    """
    from lexgrad.cli.plot import plot_health

    plot_health(run, out or Path("health.svg"), Output(as_json=as_json))


@plots.command()
def search(
    study: Annotated[Path, typer.Argument(metavar="DIR", help="A directory that [b]lexgrad tune[/] made.")],
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Draw what a search found: how much each setting mattered, and every trial over each setting.

    \b
    Examples:
      lexgrad plot search runs/ffnn-train-tune-1 --out search.png
    """
    from lexgrad.cli.plot import plot_search

    plot_search(study, out or Path("search.svg"), Output(as_json=as_json))


@plots.command()
def vectors(
    run: Annotated[
        Path, typer.Argument(metavar="RUN|FILE", help="A trained model with word embeddings, or a file of vectors.")
    ],
    words: Annotated[list[str] | None, typer.Argument(metavar="[WORD]...", help="Which; else the first 60.")] = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Draw words where the first two principal components of their vectors put them.

    \b
    Examples:
      lexgrad plot vectors runs/word2vec-wiki-1 king queen man woman boy girl --out words.png
      lexgrad plot vectors glove.6B.100d.txt
    """
    from lexgrad.cli.vectors import plot_vectors

    plot_vectors(run, words or (), out or Path("vectors.svg"), Output(as_json=as_json))
