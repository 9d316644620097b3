"""Write the tables of docs/benchmarks.md from measurements: python -m bench.page ROWS.json …

Each file is what ``python -m bench --json`` wrote on this machine. The page keeps its text; what stands between
``<!-- machine -->``, ``<!-- summary -->`` or ``<!-- tables -->`` and ``<!-- end -->`` is made anew.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bench.contest import CHECKOUT
from bench.systems import OURS
from lexgrad.compile.machine import host

PAGE = CHECKOUT / "docs" / "benchmarks.md"
_TOLD = ("avx2", "avx512f", "avx512bf16", "avx512fp16", "amx-bf16", "fma", "neon", "bf16", "sve")


def machine() -> str:
    """This machine in one line: processor, what it can do that matters here, and the versions of the packages."""
    processor = host()
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        model = next(
            (
                line.split(":", 1)[1].strip()
                for line in cpuinfo.read_text().splitlines()
                if line.startswith("model name")
            ),
            model,
        )
    features = [name for name in _TOLD if f"+{name}" in processor.features.split(",")]
    packages = []
    for package in ("lexgrad", "torch", "jax", "scikit-learn", "numpy"):
        try:
            packages.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    line = f"{model} ({processor.cpu}; {', '.join(features)}), {platform.system()}, Python {platform.python_version()};"
    return f"{line} {', '.join(packages)}."


def summary(rows: Sequence[dict[str, Any]]) -> str:
    """A line for each workload: lexgrad, its best peer, and how they compare."""
    lines = [
        "| workload | precision | lexgrad, ms | best peer, ms | peer | ratio | peak MB | compiled, s | from cache, s |",
        "| --- | --- | ---: | ---: | --- | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        systems = {system["system"]: system for system in row["systems"]}
        if OURS not in systems or row["best_peer"] is None:
            continue
        ours, peer = systems[OURS], systems[row["best_peer"]]
        cells = [
            row["workload"],
            row["precision"],
            _digits(ours["median"]),
            _digits(peer["median"]),
            peer["system"],
            f"**{row['ratio']:.2f}**",
            f"{_whole(ours['peak_megabytes'])} / {_whole(peer['peak_megabytes'])}",
            *(_seconds(ours[name]) for name in ("compile_seconds", "cached_compile_seconds")),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def tables(rows: Sequence[dict[str, Any]]) -> str:
    """A table for each workload, with every system."""
    parts = []
    for row in rows:
        threads = f"{row['threads']} thread{'s' if row['threads'] > 1 else ''}"
        lines = [
            f"### {row['workload']}, {row['precision']}",
            "",
            f"{row['about']}; {threads}.",
            "",
            f"| system | ms a {row['unit']} | least | most | loss | peak MB |",
            "| --- | ---: | ---: | ---: | ---: | ---: |",
        ]
        for system in row["systems"]:
            times = system["milliseconds"]
            cells = [
                system["system"],
                *map(_digits, (system["median"], min(times), max(times))),
                f"{system['loss']:.6f}",
                _whole(system["peak_megabytes"]),
            ]
            lines.append(f"| {' | '.join(cells)} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _digits(milliseconds: float) -> str:
    return f"{milliseconds:.4f}" if milliseconds < 1 else f"{milliseconds:.2f}"


def _seconds(number: float | None) -> str:
    return "in the fit" if number is None else f"{number:.2f}"


def _whole(number: float | None) -> str:
    return "?" if number is None else f"{number:.0f}"


def filled(page: str, parts: dict[str, str]) -> str:
    """The page with its parts made anew.

    Raises:
        ValueError: the page has no place for a part.
    """
    for name, text in parts.items():
        place = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        if not place.search(page):
            raise ValueError(f"the page has no <!-- {name} --> … <!-- end -->")
        page = place.sub(lambda found, text=text: f"{found[1]}\n{text}\n\n{found[2]}", page)  # type: ignore[misc]
    return page


def main(words: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser("python -m bench.page", description=__doc__)
    parser.add_argument("files", nargs="+", type=Path, metavar="ROWS.json")
    parser.add_argument("--page", type=Path, default=PAGE)
    arguments = parser.parse_args(words)
    rows = [row for file in arguments.files for row in json.loads(file.read_text(encoding="utf-8"))]
    parts = {"machine": machine(), "summary": summary(rows), "tables": tables(rows)}
    arguments.page.write_text(filled(arguments.page.read_text(encoding="utf-8"), parts), encoding="utf-8")


if __name__ == "__main__":
    main()
