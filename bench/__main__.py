"""Time lexgrad against its peers: the same model, data, first weights, batch order, precision and threads.

Each system runs in a process of its own, and they take turns, round by round, so that whatever else the machine does
falls on all of them; only one works at a time. The report gives the median time of a step, the range, the loss after
the last round (equal arithmetic gives equal losses), the peak memory of the process, and the ratio: the best peer's
median over lexgrad's. A system whose package is not installed is left out, and said so.

``python -m bench kernels`` times lexgrad's elementwise kernels and reductions against a copy of memory.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import kernels
from bench.workloads import WORKLOADS

SYSTEMS = ("lexgrad_compiled", "torch_eager", "torch_compiled", "jax_jit")


@dataclass
class Contestant:
    """A system's process, and what it has answered."""

    system: str
    process: subprocess.Popen[str]
    first: float = 0.0
    rounds: list[dict[str, Any]] = field(default_factory=list)

    @property
    def median(self) -> float:
        """The median time of a step, in seconds."""
        return statistics.median(answer["seconds"] for answer in self.rounds)


def start(system: str, name: str, threads: int, precision: str) -> Contestant | None:
    """Start a system; None where it cannot run this workload here, which is said on standard error."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)}
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.worker", system, name, str(threads), precision],
        cwd=Path(__file__).resolve().parents[1],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    line = process.stdout.readline()
    if not line:
        reason = (process.stderr.read().strip().splitlines() or ["it ended"])[-1]
        print(f"{name}: without {system}: {reason}", file=sys.stderr)
        return None
    return Contestant(system, process, json.loads(line)["first_round_seconds"])


def ask(contestant: Contestant) -> None:
    """Have a system do one round."""
    process = contestant.process
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("round\n")
    process.stdin.flush()
    contestant.rounds.append(json.loads(process.stdout.readline()))


def measure(name: str, threads: int, precision: str, rounds: int, systems: list[str]) -> list[Contestant]:
    """All systems on one workload, taking turns."""
    started = [start(system, name, threads, precision) for system in systems]
    contestants = [contestant for contestant in started if contestant is not None]
    for _ in range(rounds):
        for contestant in contestants:
            ask(contestant)
    for contestant in contestants:
        contestant.process.communicate()
    return contestants


def report(name: str, contestants: list[Contestant]) -> dict[str, Any]:
    """Print a table, and return it as a row of data."""
    print(f"\n{name}: {WORKLOADS[name].about}")
    print(f"  {'system':<18}{'median ms':>11}{'min':>9}{'max':>9}{'loss':>12}{'peak MB':>9}{'first s':>9}")
    rows = []
    for c in sorted(contestants, key=lambda contestant: contestant.median):
        times = [answer["seconds"] * 1e3 for answer in c.rounds]
        last = c.rounds[-1]
        peak = (last["peak"] or 0) / 1e6
        print(
            f"  {c.system:<18}{c.median * 1e3:>11.4f}{min(times):>9.4f}{max(times):>9.4f}{last['loss']:>12.6f}"
            f"{peak:>9.0f}{c.first:>9.2f}"
        )
        rows.append({"system": c.system, "milliseconds": times, "loss": last["loss"], "peak_megabytes": peak})
    ours = [c for c in contestants if c.system.startswith("lexgrad")]
    peers = [c for c in contestants if not c.system.startswith("lexgrad")]
    ratio = min(c.median for c in peers) / ours[0].median if ours and peers else None
    if ratio is not None:
        print(f"  best peer / lexgrad: {ratio:.2f}")
    return {"workload": name, "ratio": ratio, "systems": rows}


def main() -> None:
    """The command line."""
    if sys.argv[1:2] == ["kernels"]:
        kernels.main(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(
        "python -m bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=f"of {', '.join(WORKLOADS)}; all by default")
    parser.add_argument("--threads", type=int, default=2, help="threads of every system (default 2)")
    parser.add_argument("--precision", default="fp32", choices=["fp32", "bf16"], help="of every system (default fp32)")
    parser.add_argument("--rounds", type=int, default=7, help="rounds of every system (default 7)")
    parser.add_argument("--systems", default=",".join(SYSTEMS), help="which systems, separated by commas")
    parser.add_argument("--json", metavar="FILE", help="write the rows to a file as well")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.workloads if name not in WORKLOADS]
    if unknown:
        parser.error(f"there is no workload {unknown[0]!r}; there are {', '.join(WORKLOADS)}")
    rows = [
        report(
            name, measure(name, arguments.threads, arguments.precision, arguments.rounds, arguments.systems.split(","))
        )
        for name in arguments.workloads or WORKLOADS
    ]
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
