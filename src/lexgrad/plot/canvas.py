"""A figure that notebooks show and that is saved as SVG or PNG; matplotlib is loaded when the first one is made."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lexgrad.errors import InputError
from lexgrad.files import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUFFIXES = (".svg", ".png")
COLOURS = ("#0550ae", "#b35900", "#1a7f37", "#8250df", "#cf222e", "#57606a", "#9a6700", "#0a7ea4")
"""For lines and points, told apart also by people who see few colours: they differ in lightness and are labelled."""

_STYLE: Any = {
    "font.size": 10.0,
    "axes.titlesize": 11.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#d0d7de",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "lines.linewidth": 1.8,
    "svg.hashsalt": "lexgrad",  # the same picture is the same file
}


@dataclass(frozen=True, eq=False)
class Plot:
    """One picture.

    Attributes:
        figure: matplotlib's, for whoever wants to change it.
        title: what it shows, in a line.
    """

    figure: Figure
    title: str

    def save(self, path: str | os.PathLike[str], *, dpi: float = 144.0) -> Path:
        """Write it as ``.svg`` or ``.png``, by the suffix, whole or not at all; returns the path.

        Args:
            path: where to.
            dpi: dots an inch, of a ``.png``.

        Raises:
            InputError: another suffix.
        """
        target = Path(path)
        kind = check_suffix(target)
        write_whole(target, lambda partial: self._write(partial, kind, dpi))
        return target

    def _write(self, file: Any, kind: str, dpi: float = 144.0) -> None:
        import matplotlib as mpl

        notes = {"Title": self.title, "Date": None} if kind == "svg" else {"Title": self.title, "Software": None}
        with mpl.rc_context(_STYLE):
            self.figure.savefig(file, format=kind, metadata=notes, dpi=dpi)

    def _repr_svg_(self) -> str:
        buffer = io.BytesIO()
        self._write(buffer, "svg")
        return buffer.getvalue().decode("utf-8")

    def __repr__(self) -> str:
        return f"<plot: {self.title}>"


def check_suffix(path: Path) -> str:
    """``"svg"`` or ``"png"``.

    Raises:
        InputError: another suffix.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"a plot is saved as {' or '.join(SUFFIXES)}; got {path.name!r}")
    return path.suffix.lower()[1:]


def panels(
    count: int, width: float = 4.0, height: float = 3.4, *, columns: int | None = None
) -> tuple[Figure, list[Axes]]:
    """A figure with ``count`` panels, ``columns`` or all side by side, each of ``width`` times ``height`` inches.

    Raises:
        InputError: matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as missing:
        raise InputError("plots need matplotlib, which is not installed: pip install 'lexgrad[plot]'") from missing
    with mpl.rc_context(_STYLE):
        across = min(count, columns or count)
        rows = -(-count // across)
        figure = Figure(figsize=(width * across, height * rows), layout="constrained")
        return figure, [figure.add_subplot(rows, across, number + 1) for number in range(count)]
