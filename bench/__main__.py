"""Time lexgrad against its peers on training steps: python -m bench [WORKLOAD …]

Fair means:
- every system gets the same data, first weights, order of batches and learning rate, declared once, in
  bench/workloads, and does the same arithmetic: in fp32 the losses agree, but for their last digits. One that does
  less, or another thing, shows in the column "loss";
- each system is written as its own experts would (bench/systems/), in several ways where there are several, and the
  fastest of the peers is the one that counts;
- each runs in a process of its own, and they take turns, round by round, in an order that shifts, so that whatever
  else the machine does falls on all; only one works at a time;
- each may use as many threads as the others: their settings, the environment's variables and, on Linux, the
  processors that a process may run on at all;
- a first round, in which compilers work, is not measured. Every one of them begins with an empty cache.

Columns: the median, least and most milliseconds of a step (of a whole fit, for sparse-logistic) over the rounds; the
loss at the end of the last round; the process's peak memory in MB; seconds from the imported data to the end of the
first round; for lexgrad the seconds from a model to machine code, with an empty cache and from the cache, each in a
fresh process. Below: the best peer's median over lexgrad's, at the same precision.

"python -m bench kernels" times single kernels against a copy of memory instead, "python -m bench word2vec" the
training of word vectors against gensim, fastText and PyTorch.

bf16 means products in bf16 and sums in fp32, with fp32 parameters behind; its losses differ by rounding.
A system whose package is missing is left out, and named; peers are installed by hand (torch, jax).

--json FILE writes a list with an object for each workload:
  workload, about, unit   name, one line, and what the times are for
  precision, threads      as asked for
  best_peer, ratio        the fastest peer, and its median over lexgrad's; null where either is missing
  systems                 the fastest first: system, milliseconds (one for each round), median, loss, peak_megabytes,
                          first_seconds, compile_seconds and cached_compile_seconds (null but for lexgrad)
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import kernels, word2vec
from bench.contest import Settings, contest, fitting, row
from bench.systems import SYSTEMS
from bench.workloads import WORKLOADS


def report(result: dict[str, Any]) -> None:
    """Print the result for one workload as a table."""
    print(f"\n{result['workload']}: {result['about']}; {result['precision']}, {result['threads']} threads")
    print(
        f"  {'system':<26}{'ms/' + result['unit']:>10}{'least':>10}{'most':>10}{'loss':>11}{'peak MB':>9}"
        f"{'first s':>9}{'compile s':>11}{'cached s':>10}"
    )
    for system in result["systems"]:
        times, peak = system["milliseconds"], system["peak_megabytes"] or float("nan")
        line = f"  {system['system']:<26}{system['median']:>10.4f}{min(times):>10.4f}{max(times):>10.4f}"
        line += f"{system['loss']:>11.6f}{peak:>9.0f}{system['first_seconds']:>9.2f}"
        if system["compile_seconds"] is not None:
            line += f"{system['compile_seconds']:>11.2f}{system['cached_compile_seconds']:>10.2f}"
        print(line)
    if result["ratio"] is not None:
        print(f"  best peer, {result['best_peer']}, / lexgrad: {result['ratio']:.2f}")


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    made = argparse.ArgumentParser(
        "python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    workloads = "\n".join(f"  {name:<17} {workload.about}" for name, workload in WORKLOADS.items())
    systems = "\n".join(f"  {name:<26} {system.about}" for name, system in SYSTEMS.items())
    made.epilog = f"workloads:\n{workloads}\n\nsystems:\n{systems}"
    made.add_argument("workloads", nargs="*", metavar="WORKLOAD", help="those below; all by default")
    made.add_argument("--threads", type=int, default=2, help="threads of every system (default 2)")
    made.add_argument("--precision", default="fp32", choices=["fp32", "bf16"], help="of every system (default fp32)")
    made.add_argument("--rounds", type=int, default=7, help="measured rounds of every system (default 7)")
    made.add_argument("--systems", metavar="A,B", help="only these; by default all that are written for a workload")
    made.add_argument("--json", metavar="FILE", type=Path, help="write the rows to a file as well")
    made.add_argument("--caches", metavar="FOLDER", type=Path, help="keep what compilers make, for the next time")
    made.add_argument("--small", action="store_true", help="toy sizes: to try the benchmarks, not to measure anything")
    return made


def main(words: Sequence[str] | None = None) -> None:
    """The command line."""
    given = sys.argv[1:] if words is None else list(words)
    if given[:1] == ["kernels"]:
        kernels.main(given[1:])
        return
    if given[:1] == ["word2vec"]:
        word2vec.main(given[1:])
        return
    grammar = parser()
    arguments = grammar.parse_args(given)
    for name in arguments.workloads:
        if name not in WORKLOADS:
            grammar.error(f"there is no workload {name!r}; there are {', '.join(WORKLOADS)}")
    asked = arguments.systems.split(",") if arguments.systems else None
    for name in asked or ():
        if name not in SYSTEMS:
            grammar.error(f"there is no system {name!r}; there are {', '.join(SYSTEMS)}")
    if arguments.threads < 1 or arguments.rounds < 1:
        grammar.error("threads and rounds are numbers from 1 up")
    settings = Settings(arguments.threads, arguments.precision, arguments.rounds, arguments.small, arguments.caches)
    rows = []
    for name in arguments.workloads or WORKLOADS:
        systems = [system for system in fitting(name, settings.precision) if asked is None or system in asked]
        contestants = contest(name, systems, settings)
        if contestants:
            rows.append(row(name, contestants, settings))
            report(rows[-1])
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
