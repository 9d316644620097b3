"""A graph as a picture that notebooks show and that is saved as SVG, or as a page that goes through it step by step."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lexgrad.errors import InputError, suggest
from lexgrad.explain.picture.cards import draw
from lexgrad.explain.picture.drawing import DIRECTIONS, Direction
from lexgrad.explain.picture.folding import groups_of
from lexgrad.explain.picture.scene import Scene, Vertex
from lexgrad.explain.picture.stepping import page
from lexgrad.explain.picture.svg import svg
from lexgrad.files import write_text_whole

SUFFIXES = (".svg", ".html")


@dataclass(frozen=True)
class Picture:
    """A computation graph, drawn from left to right. Notebooks show it as it is.

    Attributes:
        scene: what is drawn.
        direction: ``"forward"`` shows the values, ``"backward"`` the derivatives and the local derivatives on the
            edges, ``"both"`` everything.
        fold: ``"none"``, ``"names"``, ``"layers"`` or ``"auto"``, see ``groups_of``.

    Raises:
        InputError: another direction, or another way to fold.
    """

    scene: Scene
    direction: Direction = "both"
    fold: str = "auto"

    def __post_init__(self) -> None:
        if self.direction not in DIRECTIONS:
            raise InputError(
                f"direction is one of {', '.join(DIRECTIONS)}; got {self.direction!r}"
                f"{suggest(str(self.direction), DIRECTIONS)}"
            )
        self._groups  # noqa: B018  # a wrong fold is said now

    @cached_property
    def _groups(self) -> Mapping[Vertex, str]:
        return groups_of(self.scene, self.fold)

    @cached_property
    def svg(self) -> str:
        """The picture as an SVG element."""
        return svg(draw(self.scene, self.direction, self._groups))

    @cached_property
    def html(self) -> str:
        """The stepped form: one page, forward and then backward step by step, which needs no network.

        Raises:
            InputError: the graph has no values.
        """
        return page(self.scene, self._groups)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture (``.svg``) or its stepped form (``.html``), by the suffix; returns the path.

        Raises:
            InputError: another suffix.
        """
        target = Path(path)
        suffix = target.suffix.lower()
        if suffix not in SUFFIXES:
            raise InputError(f"a picture of a graph is saved as {' or '.join(SUFFIXES)}; got {target.name!r}")
        write_text_whole(target, self.svg if suffix == ".svg" else self.html)
        return target

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"<picture of {self.scene.target.name or 'a graph'}: {len(self.scene.vertices)} nodes>"
