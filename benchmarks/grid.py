"""Grids on warm processes: runs a minute, and the share of the time that is not the optimizers' or the tasks'.

    python benchmarks/grid.py [processes]

1. 4 optimizers x 8 BBOB functions x 5 seeds x 50 trials.  2. 10,000 runs of random search, 20 trials each, beside a
bare loop in one process over the same library and functions.
"""

import contextlib
import io
import os
import sys
import tempfile
from time import perf_counter

import ioh
import numpy as np

from carps_lite.commands.arguments import defaults
from carps_lite.commands.run import run_grid
from carps_lite.store import Store


def grid(folder, processes, **given):
    begin = perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        code = run_grid({**defaults("run"), **given, "processes": processes, "results": folder})
    assert code == 0
    return perf_counter() - begin


def own_seconds(folder):
    """Seconds inside asks, evaluations and tells."""
    return float(Store(folder).runs()["seconds"].sum())


def bare(n_tasks, n_seeds, n_trials):
    begin = perf_counter()
    for fid in range(1, n_tasks + 1):
        for seed in range(n_seeds):
            f, rng = ioh.get_problem(fid, 1, 5, ioh.ProblemClass.BBOB), np.random.default_rng(seed)
            for _ in range(n_trials):
                f(rng.uniform(-5, 5, 5))
    return perf_counter() - begin


def main(processes=None):
    processes = processes or len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        wall = grid(folder, processes, task="bbob/fid:1..8/dim:5", optimizer=["random", "tpe", "cmaes", "gp"],
                    seeds=5, budget=50)  # fmt: skip
        share = 1 - own_seconds(folder) / (wall * processes)
        print(f"4 x 8 x 5 runs of 50 trials, {processes} processes: {wall:.1f} s, "
              f"{160 / wall * 60:,.0f} runs a minute; {share:.0%} is neither optimizer nor task")  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        wall = grid(folder, processes, task="bbob/fid:1..20/dim:5", optimizer="random", seeds=500, budget=20)
        share = 1 - own_seconds(folder) / (wall * processes)
        plain = bare(20, 500, 20)
        print(f"10,000 runs of 20 trials of random search: {wall:.1f} s, {1e4 / wall * 60:,.0f} runs a minute, "
              f"{wall / 1e4 * 1e3:.2f} ms a run; {share:.0%} is neither optimizer nor task; "
              f"{wall / plain:.1f} x a bare loop in one process ({plain:.1f} s)")  # fmt: skip
        kept = grid(folder, processes, task="bbob/fid:1..20/dim:5", optimizer="random", seeds=500, budget=20)
        print(f"the same again, all kept: {kept:.2f} s, {kept / 1e4 * 1e3:.3f} ms a run")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
