"""A process for one system on one workload: prepares it, then does a round for every line that it is sent."""

from __future__ import annotations

import importlib
import json
import sys
import time

from bench.workloads import WORKLOADS


def peak_memory() -> int | None:
    """The largest resident size of this process in bytes, where the platform tells it."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def main(system: str, name: str, threads: int, precision: str) -> None:
    """Answer each line on standard input with the seconds and the loss of a round, as a line of JSON."""
    workload = WORKLOADS[name]
    data = workload.make()
    begun = time.perf_counter()
    run = importlib.import_module(f"bench.systems.{system}").PREPARE[name](data, threads, precision)
    run(workload.steps)
    print(json.dumps({"first_round_seconds": time.perf_counter() - begun}), flush=True)
    for _ in sys.stdin:
        begun = time.perf_counter()
        loss = run(workload.steps)
        answer = {"seconds": (time.perf_counter() - begun) / workload.steps, "loss": loss, "peak": peak_memory()}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
