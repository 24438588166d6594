"""What the framework costs beside a bare loop over the same library and the same ioh function, the log included.

    python benchmarks/overhead.py [evaluations] [repetitions]

BBOB f1 in five dimensions, where CMA-ES stops by itself before 5,000 evaluations: then another seed goes on. Bare and
framed runs take turns, and medians of the time an evaluation are compared. One thread.
"""

import os
import sys
import tempfile
import warnings
from statistics import median
from time import perf_counter

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))

import cma
import ioh
import numpy as np

from carps_lite import spec
from carps_lite.core import Budget
from carps_lite.identity import identify
from carps_lite.jobs import Job, perform
from carps_lite.store import Store

DIM = 5


def function():
    return ioh.get_problem(1, 1, DIM, ioh.ProblemClass.BBOB)


def bare_random(n, seed):
    f, rng = function(), np.random.default_rng(seed)
    for _ in range(n):
        f(rng.uniform(-5, 5, DIM))
    return n


def bare_cmaes(n, seed):
    """The loop of pycma's manual, with the adapter's step size, bounds and generator."""
    f, rng = function(), np.random.default_rng(seed)
    options = {"bounds": [0, 1], "verbose": -10, "verb_log": 0, "seed": np.nan,
               "randn": lambda *size: rng.standard_normal(size)}  # fmt: skip
    es = cma.CMAEvolutionStrategy(np.full(DIM, 0.5), spec.resolve("optimizers", "cmaes").options["sigma0"], options)
    while es.countevals < n and not es.stop():
        points = es.ask()
        es.tell(points, [f(10 * x - 5) for x in points])
    return es.countevals


def framed(optimizer):
    task, made = spec.resolve("tasks", f"bbob/fid:1/dim:{DIM}"), spec.resolve("optimizers", optimizer)

    def run(n, seed):
        job = Job(task, made, seed, Budget(n), identify(task), identify(made))
        with tempfile.TemporaryDirectory() as folder:
            store = Store(folder)
            store.create()
            summary = perform(job, store, "benchmark")
        assert summary.state == "done", summary.error
        return summary.n_trials

    return run


def timed(run, n):
    """Seconds an evaluation, over runs of one seed after the other until there are n evaluations."""
    done, seed, begin = 0, 0, perf_counter()
    while done < n:
        done, seed = done + run(n - done, seed), seed + 1
    return (perf_counter() - begin) / done


def main(n=5000, repetitions=9):
    warnings.simplefilter("ignore")
    for optimizer, bare in (("random", bare_random), ("cmaes", bare_cmaes)):
        ours_run = framed(optimizer)
        timed(bare, 50), timed(ours_run, 50)  # imports
        pairs = [(timed(bare, n), timed(ours_run, n)) for _ in range(repetitions)]
        own, ours = (median(side) for side in zip(*pairs, strict=True))
        ratio = median(b / a for a, b in pairs)
        above = median(b - a for a, b in pairs) * 1e6
        print(f"{optimizer:7} {n} evaluations: bare {own * 1e6:6.1f} µs, carps-lite {ours * 1e6:6.1f} µs a trial; "
              f"ratio {ratio:.2f}, {above:+.1f} µs a trial")  # fmt: skip


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
