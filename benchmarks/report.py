"""Time to write a report of 13 optimizers on 20 tasks with 20 seeds of 100 trials, from frames of made-up results.

python benchmarks/report.py [optimizers] [tasks] [seeds] [trials]
"""

import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import orjson
import pandas as pd

from carps_lite.analysis import report

DIM = 5
SPACE = {f"x{d}": {"kind": "float", "low": -5.0, "high": 5.0} for d in range(DIM)}


class Frames:
    """The frames of a store of random searches that are luckier from optimizer to optimizer."""

    def __init__(self, n_optimizers, n_tasks, n_seeds, n_trials):
        rng = np.random.default_rng(0)
        names = ["random", *(f"optimizer{o}" for o in range(1, n_optimizers))]
        tasks = [f"bbob/dim:{DIM}/fid:{1 + t % 24}/instance:{1 + t // 24}" for t in range(n_tasks)]
        cells = pd.MultiIndex.from_product([names, tasks, range(n_seeds)], names=["optimizer", "task", "seed"])
        self.runs = cells.to_frame(index=False).assign(run=range(len(cells)), **RUN, n_trials=n_trials)
        self.runs["spent"], self.runs["group"] = float(n_trials), self.runs["task"]
        header = {"problem": {"fidelity": None, "space": SPACE}, "budget": str(n_trials)}
        self.runs["header"], self.runs["objectives"] = [header] * len(cells), [["loss"]] * len(cells)
        place = np.repeat(np.arange(n_optimizers), n_tasks * n_seeds)
        values = 10 ** rng.normal(2, 1, (len(cells), n_trials)) / (1 + place[:, None])
        steps = np.arange(1.0, n_trials + 1)
        configs = orjson.dumps(dict.fromkeys(SPACE, 1.0)).decode()
        self.trials = pd.DataFrame(
            {
                "run": np.repeat(self.runs["run"].to_numpy(), n_trials),
                "ask": np.tile(np.arange(n_trials), len(cells)),
                "end": np.tile(steps, len(cells)),
                "spent": np.tile(steps, len(cells)),
                "fidelity": np.nan,
                "value": values.ravel() - 1000,
                "feasible": True,
                "failure": None,
            }
        )
        x = rng.uniform(-5, 5, (n_tasks * n_seeds * n_trials, DIM))
        drawn = [orjson.dumps(dict(zip(SPACE, row, strict=True))).decode() for row in x.tolist()]
        self.configs = drawn + [configs] * (len(self.trials) - len(drawn))

    def frames(self, refresh=True, columns=None):
        trials = self.trials.assign(config=self.configs) if columns and "config" in columns else self.trials
        return self.runs, trials[[c for c in trials if columns is None or c in columns]]

    def impossible(self):
        return set()


RUN = {"n_workers": 1, "variant": "", "state": "done", "error": "", "n_failed": 0, "kind": "bb", "reference": None,
       "optimum": -1000.0, "stale": False, "seconds": 1.0, "ask_seconds": 0.1,
       "tell_seconds": 0.1}  # fmt: skip


def main(n_optimizers=13, n_tasks=20, n_seeds=20, n_trials=100):
    store = Frames(n_optimizers, n_tasks, n_seeds, n_trials)
    with tempfile.TemporaryDirectory() as folder:
        begin, used = perf_counter(), process_time()
        written = report.write(store, Path(folder))
        wall, cpu = perf_counter() - begin, process_time() - used
        size = written.path.stat().st_size / 1e6
        n_files = sum(p.is_file() for p in Path(folder).rglob("*"))
        print(f"{n_optimizers} optimizers × {n_tasks} tasks × {n_seeds} seeds × {n_trials} trials: {wall:.1f} s "
              f"({cpu:.1f} s of one core), {n_files} files, a page of {size:.1f} MB")  # fmt: skip


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
