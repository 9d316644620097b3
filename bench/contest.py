"""Systems in processes of their own, taking turns on one workload."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.systems import OURS, SYSTEMS
from bench.workloads import WORKLOADS

CHECKOUT = Path(__file__).resolve().parents[1]
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NPROC",  # XLA's pool
)


@dataclass(frozen=True)
class Settings:
    """What holds for every system.

    Attributes:
        threads: how many each may use.
        precision: ``fp32`` or ``bf16``.
        rounds: how often each is measured.
        small: toy sizes, to try things.
        caches: a folder for what compilers keep; a new and empty one for every workload where it is None.
    """

    threads: int = 2
    precision: str = "fp32"
    rounds: int = 7
    small: bool = False
    caches: Path | None = None


@dataclass
class Contestant:
    """A system's process, and what it has answered.

    Attributes:
        first: the answer to the first round, which is not measured.
        compiled: seconds that making the code took without and with a cache of it; lexgrad's alone.
    """

    system: str
    process: subprocess.Popen[str]
    first: dict[str, Any]
    compiled: tuple[float, float] | None = None
    rounds: list[dict[str, Any]] = field(default_factory=list)

    @property
    def milliseconds(self) -> list[float]:
        """The time of a step in each round."""
        return [answer["seconds"] * 1e3 for answer in self.rounds]

    @property
    def median(self) -> float:
        """The median of ``milliseconds``."""
        return statistics.median(self.milliseconds)

    def ask(self) -> None:
        """Do one round."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("round\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.system} ended: {_last_words(self.process)}")
        self.rounds.append(json.loads(line))


def fitting(name: str, precision: str) -> list[str]:
    """The systems that are written for a workload in a precision."""
    return [system for system, entry in SYSTEMS.items() if name in entry.workloads and precision in entry.precisions]


def contest(name: str, systems: Sequence[str], settings: Settings) -> list[Contestant]:
    """Every system on one workload, round by round in turn; those that cannot run here are named on standard error."""
    with tempfile.TemporaryDirectory() as empty:
        caches = settings.caches or Path(empty)
        started = [_start(system, name, settings, caches) for system in systems]
        contestants = [contestant for contestant in started if contestant is not None]
        for turn in range(settings.rounds):
            shift = turn % max(len(contestants), 1)  # nobody always comes after the same
            for contestant in contestants[shift:] + contestants[:shift]:
                contestant.ask()
        for contestant in contestants:
            contestant.process.communicate()
    return contestants


def environment(threads: int, caches: Path) -> dict[str, str]:
    """What a system's process is told: threads, and where compilers keep things."""
    return {
        **os.environ,
        **dict.fromkeys(THREAD_VARIABLES, str(threads)),
        "XLA_FLAGS": f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'}",
        "LEXGRAD_CACHE": str(caches / "lexgrad"),
        "TORCHINDUCTOR_CACHE_DIR": str(caches / "inductor"),
    }


def _start(system: str, name: str, settings: Settings, caches: Path) -> Contestant | None:
    """Start a system, and wait until its first round is done; lexgrad twice, to see it with its code in the cache."""
    begun = _started(system, name, settings, caches)
    if begun is None or system != OURS:
        return begun
    begun.process.communicate()
    again = _started(system, name, settings, caches)
    if again is not None:
        again.compiled = begun.first["compile_seconds"], again.first["compile_seconds"]
        again.first["first_seconds"] = begun.first["first_seconds"]
    return again


def _started(system: str, name: str, settings: Settings, caches: Path) -> Contestant | None:
    words = [system, name, str(settings.threads), settings.precision, *(["small"] if settings.small else [])]
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.worker", *words],
        cwd=CHECKOUT,
        env=environment(settings.threads, caches),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        print(f"{name}: without {system}: {_last_words(process)}", file=sys.stderr)
        return None
    return Contestant(system, process, json.loads(line))


def _last_words(process: subprocess.Popen[str]) -> str:
    return (process.communicate()[1].strip().splitlines() or ["it said nothing"])[-1]


def row(name: str, contestants: Sequence[Contestant], settings: Settings) -> dict[str, Any]:
    """The result as data; see ``python -m bench --help``."""
    workload = WORKLOADS[name]
    ours = [c.median for c in contestants if c.system == OURS]
    peers = sorted((c.median, c.system) for c in contestants if c.system != OURS)
    return {
        "workload": name,
        "about": workload.about,
        "unit": workload.unit,
        "precision": settings.precision,
        "threads": settings.threads,
        "best_peer": peers[0][1] if peers else None,
        "ratio": peers[0][0] / ours[0] if ours and peers else None,
        "systems": [_system_row(c) for c in sorted(contestants, key=lambda c: c.median)],
    }


def _system_row(c: Contestant) -> dict[str, Any]:
    last = c.rounds[-1]
    return {
        "system": c.system,
        "milliseconds": c.milliseconds,
        "median": c.median,
        "loss": last["loss"],
        "peak_megabytes": last["peak"] / 1e6 if last["peak"] else None,
        "first_seconds": c.first["first_seconds"],
        "compile_seconds": c.compiled[0] if c.compiled else None,
        "cached_compile_seconds": c.compiled[1] if c.compiled else None,
    }
