"""The benchmarks at toy sizes: every system that is installed does the same arithmetic; nothing is timed."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench.systems import OURS, SYSTEMS
from bench.worker import prepared, timed
from bench.workloads import WORKLOADS, MissingDataError, linear, sst2

from bench import __main__ as command
from bench import contest, page

PACKAGES = {
    "torch_steps": "torch", "torch_texts": "torch", "jax_jit": "jax", "jax_texts": "jax", "fasttext_fits": "fasttext"
}  # fmt: skip
# What compiles for long adds nothing here: the same module runs eagerly beside it.
SLOW = {name for name, system in SYSTEMS.items() if {"compile", "whole"} & set(system.options)}


def run(system: str, workload: str, precision: str = "fp32") -> dict[str, Any]:
    """Two rounds of a system; it is skipped where its package is not installed."""
    package = PACKAGES.get(SYSTEMS[system].module)
    if package and importlib.util.find_spec(package) is None:
        pytest.skip(f"needs {package}")
    function, steps = prepared(system, workload, 1, precision, small=True)
    timed(function, steps)
    return timed(function, steps)


# lexgrad moves the rows of embeddings that a batch reads, as torch-sparse does; these all of them, by what went before.
DENSE = {"textcnn-adam": {"torch-eager"}, "textcnn-adadelta": {"torch-eager"}}
PEERS = [
    (system, workload)
    for workload in WORKLOADS
    for system in contest.fitting(workload, "fp32")
    if system not in {OURS, "fasttext", *SLOW} | DENSE.get(workload, set()) and not system.startswith("logistic")
]


@pytest.mark.parametrize(("system", "workload"), PEERS)
def test_a_peer_reaches_the_same_loss(system: str, workload: str) -> None:
    assert run(system, workload)["loss"] == pytest.approx(run(OURS, workload)["loss"], rel=2e-5)


@pytest.mark.parametrize("workload", [name for name, workload in WORKLOADS.items() if workload.unit != "token"])
def test_training_makes_the_loss_smaller(workload: str) -> None:
    function, steps = prepared(OURS, workload, 1, "fp32", small=True)
    losses = [timed(function, steps)["loss"] for _ in range(2)]
    # A fit of its own in each round, where there is no loss before it but that of weights 0.
    assert losses[1] < (math.log(2) if WORKLOADS[workload].unit == "fit" else losses[0])


def test_data_is_the_same_for_every_process() -> None:
    for workload in WORKLOADS.values():
        first, again = workload.make(**workload.small), workload.make(**workload.small)
        for name, value in first.items():
            dense = [v.toarray() if hasattr(v, "toarray") else v for v in (value, again[name])]
            np.testing.assert_array_equal(*dense)


def test_the_command_writes_what_it_prints(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    words = ["sparse-logistic", "--small", "--rounds", "2", "--threads", "1", "--json", str(file)]
    command.main([*words, "--systems", f"{OURS},sgd-classifier"])
    printed = capsys.readouterr().out
    (row,) = json.loads(file.read_text(encoding="utf-8"))
    assert {key: row[key] for key in ("workload", "unit", "precision", "threads", "best_peer")} == {
        "workload": "sparse-logistic",
        "unit": "fit",
        "precision": "fp32",
        "threads": 1,
        "best_peer": "sgd-classifier",
    }
    systems = {system["system"]: system for system in row["systems"]}
    ours, peer = systems[OURS], systems["sgd-classifier"]
    assert row["ratio"] == peer["median"] / ours["median"]
    assert f"/ lexgrad: {row['ratio']:.2f}" in printed
    assert ours["loss"] == pytest.approx(peer["loss"], rel=1e-5)
    for system in (ours, peer):
        assert len(system["milliseconds"]) == 2
        assert min(system["milliseconds"]) <= system["median"] <= max(system["milliseconds"])
        assert f"{system['median']:.4f}" in printed
        assert system["first_seconds"] > 0
    assert ours["compile_seconds"] > 0
    assert ours["cached_compile_seconds"] > 0
    assert peer["compile_seconds"] is None


def test_a_system_that_cannot_run_is_named_and_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    settings = contest.Settings(rounds=1, small=True)
    found = contest.contest("sparse-logistic", ["jax", "sgd-classifier"], settings)  # jax has no such workload
    assert [c.system for c in found] == ["sgd-classifier"]
    assert "sparse-logistic: without jax: " in capsys.readouterr().err
    assert contest.row("sparse-logistic", found, settings)["ratio"] is None


def test_data_that_is_not_there_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sst2, "SST2", tmp_path / "sst2_train.csv")
    with pytest.raises(MissingDataError, match=r"needs SST-2 as .*sst2_train\.csv"):
        linear.sparse_logistic()


def test_the_real_data_is_read(shared_data: Path) -> None:
    data = linear.sparse_logistic()
    assert data["counts"].shape == (6920, 14828)
    assert data["counts"].sum() == sum(len(text.split()) for text, _ in sst2.read())
    assert data["labels"].sum() == 3610


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing"], "no workload 'nothing'"),
        (["--systems", "abacus"], "no system 'abacus'"),
        (["--threads", "0"], "from 1 up"),
    ],
)
def test_mistakes_are_refused(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        command.main(words)
    assert message in capsys.readouterr().err


def test_help_names_every_workload_and_system(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        command.main(["--help"])
    text = capsys.readouterr().out
    assert all(name in text for name in (*WORKLOADS, *SYSTEMS))


def test_every_system_is_told_its_threads() -> None:
    told = contest.environment(3, Path("caches"))
    assert all(told[name] == "3" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NPROC"))


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the platform cannot limit a process to processors")
def test_a_worker_has_as_many_processors_as_threads() -> None:
    import subprocess

    code = "import os; from bench.worker import limited_to; limited_to(1); print(len(os.sched_getaffinity(0)))"
    root = contest.CHECKOUT
    found = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "1"


def test_the_page_is_made_of_the_rows() -> None:
    def system(name: str, median: float) -> dict[str, Any]:
        times = [median, 2 * median]
        seconds = {"first_seconds": 1.0, "compile_seconds": 0.5, "cached_compile_seconds": 0.25}
        return {"system": name, "milliseconds": times, "median": median, "loss": 0.5, "peak_megabytes": 9.0, **seconds}

    one = {"workload": "xor", "about": "a network", "unit": "step", "precision": "fp32", "threads": 1}
    rows = [{**one, "best_peer": "jax", "ratio": 4.0, "systems": [system(OURS, 0.5), system("jax", 2.0)]}]
    text = "A\n<!-- summary -->\nold\n<!-- end -->\nB\n<!-- tables -->\n<!-- end -->\n"
    made = page.filled(text, {"summary": page.summary(rows), "tables": page.tables(rows)})
    assert "old" not in made
    assert "| xor | fp32 | 0.5000 | 2.00 | jax | **4.00** | 9 / 9 | 0.50 | 0.25 |" in made
    assert "| lexgrad | 0.5000 | 0.5000 | 1.00 | 0.500000 | 9 |\n| jax | 2.00 |" in made
    assert page.filled(made, {"summary": page.summary(rows)}) == made
    with pytest.raises(ValueError, match="no <!-- machine -->"):
        page.filled(made, {"machine": page.machine()})
