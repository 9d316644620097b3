"""A process for one system on one workload: prepares it, then does a round for every line that it is sent."""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from typing import Any

from bench.systems import SYSTEMS, Run, Setup
from bench.workloads import WORKLOADS, MissingDataError


def peak_memory() -> int | None:
    """The largest resident size of this process in bytes, where the platform tells it."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def limited_to(threads: int) -> None:
    """Leave this process as many processors as it is to use, where the platform can: no library can then use more."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def prepared(system: str, name: str, threads: int, precision: str, small: bool) -> tuple[Run, int]:
    """A system's function for a workload, and the steps of a round."""
    workload, entry = WORKLOADS[name], SYSTEMS[system]
    data = workload.make(**(workload.small if small else {}))
    module = importlib.import_module(f"bench.systems.{entry.module}")
    run: Run = module.PREPARE[name](data, Setup(threads, precision, entry.options))
    return run, min(workload.steps, 8) if small else workload.steps


def timed(run: Run, steps: int) -> dict[str, Any]:
    """Do a round; its loss is worked out when the clock has stopped."""
    begun = time.perf_counter()
    loss = run(steps)
    seconds = time.perf_counter() - begun
    return {"seconds": seconds / steps, "loss": float(loss() if callable(loss) else loss), "peak": peak_memory()}


def main(system: str, name: str, threads: int, precision: str, small: bool) -> None:
    """Do a first round, and one for each line on standard input; answer each with a line of JSON."""
    limited_to(threads)
    begun = time.perf_counter()
    try:
        run, steps = prepared(system, name, threads, precision, small)
    except MissingDataError as error:
        sys.exit(str(error))
    first = timed(run, steps)
    answer = {"first_seconds": time.perf_counter() - begun, "compile_seconds": getattr(run, "compile_seconds", None)}
    print(json.dumps(first | answer), flush=True)
    for _ in sys.stdin:
        print(json.dumps(timed(run, steps)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5:] == ["small"])
