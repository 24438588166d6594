"""Time to load 10,000 runs of 100 trials: from the files, from the table, and with a few new runs.

python benchmarks/store.py [runs] [trials] [objectives: 1 or 2]; 10000 1000 makes ten million rows, in some minutes
"""

import sys
import tempfile
from time import perf_counter

import pyarrow.parquet as pq

from carps_lite import spec
from carps_lite.analysis.curves import columns
from carps_lite.core import Budget
from carps_lite.identity import identify
from carps_lite.jobs import Job, perform
from carps_lite.store import Store
from carps_lite.table import _to_read

TASKS = {
    1: [f"bbob/fid:{fid}/dim:5" for fid in range(1, 11)],
    2: [f"zdt/fid:{fid}/dim:{dim}" for fid in (1, 2, 3, 4, 6) for dim in (5, 10)],
}


def fill(store, seeds, trials, objectives):
    optimizer = spec.resolve("optimizers", "random")
    for name in TASKS[objectives]:
        task = spec.resolve("tasks", name)
        for seed in seeds:
            perform(Job(task, optimizer, seed, Budget(trials), identify(task), identify(optimizer)), store, f"s{seed}")


def timed(what):
    begin = perf_counter()
    result = what()
    return perf_counter() - begin, result


def main(runs=10_000, trials=100, objectives=1):
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        store.create()
        writing, _ = timed(lambda: fill(store, range(runs // 10), trials, objectives))
        from_files, table = timed(store.table)
        from_table, again = timed(store.table)
        assert len(table) == len(again) == runs * trials
        plain, _ = timed(lambda: pq.read_table(store.root / "table.parquet").to_pandas())
        wanted = columns("full")
        of_a_report, _ = timed(lambda: store.frames(columns=wanted))
        stored = _to_read(wanted, pq.read_table(store.root / "runs.parquet"))
        bare, _ = timed(lambda: pq.read_table(store.root / "table.parquet", columns=stored).to_pandas())
        fill(store, range(runs // 10, runs // 10 + 1), trials, objectives)
        with_new, _ = timed(store.table)
        runs_alone, _ = timed(store.runs)
        size = (store.root / "table.parquet").stat().st_size / 1e6
        print(
            f"{runs:,} runs of {trials} trials, {len(table):,} rows "
            f"({size:.0f} MB as Parquet; written in {writing:.0f} s)"
        )
        print(f"  from the files {from_files:.2f} s; from the table {from_table:.2f} s "
              f"({from_files / from_table:.1f} x faster; {from_table / plain:.2f} x pyarrow's bare read)")  # fmt: skip
        print(f"  the columns of a report {of_a_report:.2f} s ({of_a_report / bare:.2f} x pyarrow's bare read of them)")
        print(f"  with ten new runs {with_new:.2f} s; the runs alone {runs_alone:.2f} s")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
