"""How small a discrepancy the subset search reaches in how much time, against a reference, and how fast its parts are.

    python benchmarks/subset_search.py [--seconds 1,3,10,60] [--seeds 5] [--only uni_27_9_3,exact,...] [--proof 60]
    [--traces FILE] [--data FOLDER]

FOLDER (default: `discrepancy/` of the data folder) holds point sets NAME.npy (n, d) and reference.json: for each NAME
the k, the best value that the C program of carps reached (`reference_best`), and where there is one that of a
prototype in 3 s. Time is CPU time of this process, after the kernels are compiled. One walk, one core; medians over
the seeds. Each seed is one search of the longest time: what a search does depends on its seed alone, so its state at
3 s is what a search of 3 s returns (one chunk of steps later at most; what counts here is the last look before).
`reached` is the median CPU time until the discrepancy was at most the reference's best (`never`: in fewer than half of
the runs). `--proof`: seconds for a proof of the optimum where n <= 64 and k <= 16; 0 leaves it out. `--traces` adds a
line of JSON for each search: every time and value at which its best fell. `exact` and `large` stand for the last
lines: the exact discrepancy of several sizes, and 60 of 3,000 points in d = 3.
"""

import argparse
import json
import os
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import process_time

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))

import numpy as np

from carps_lite.analysis.subset import select_subset, star_discrepancy
from carps_lite.analysis.subset.search import PROVABLE

EXACT = ((100, 3, 1000), (1000, 3, 9), (1000, 2, 9), (50, 6, 9), (100, 6, 3), (50, 8, 3), (100, 4, 99), (300, 4, 3))
"""n, d, and how often."""


@dataclass(frozen=True)
class Options:
    seconds: tuple[float, ...]
    seeds: int
    proof: float
    traces: Path | None


def data_folder():
    given = os.environ.get("CARPS_LITE_DATA_DIR")
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    return (Path(given) if given and (Path(given) / "discrepancy").is_dir() else beside) / "discrepancy"


def course(name, points, k, seed, options):
    """The CPU times and values at which the best discrepancy fell, and the end, of one search."""
    steps = []

    def note(state):
        if not steps or state.discrepancy < steps[-1][1]:
            steps.append((state.seconds, state.discrepancy))

    found = select_subset(
        points, k, seed=seed, time_limit=max(options.seconds), prove=False, clock=process_time, progress=note,
        progress_every=0.0,
    )  # fmt: skip
    steps.append((found.seconds, found.discrepancy))
    if options.traces:
        trace = {"name": name, "seed": seed, "k": k, "steps": found.steps, "lower_bound": found.lower_bound}
        with options.traces.open("a", encoding="utf-8") as file:
            file.write(json.dumps({**trace, "course": [(round(time, 3), value) for time, value in steps]}) + "\n")
    return steps


def value_after(steps, seconds, longest):
    """The best at the last look before that time, or at the end; the first look where that came later."""
    if seconds == longest:
        return steps[-1][1]
    return min((value for time, value in steps if time <= seconds), default=steps[0][1])


def medians(courses, seconds):
    longest = max(seconds)
    return [median(value_after(steps, limit, longest) for steps in courses) for limit in seconds]


def row(name, case, points, options):
    courses = [course(name, points, case["k"], seed, options) for seed in range(options.seeds)]
    values = medians(courses, options.seconds)
    reference, prototype = case["reference_best"], case.get("prototype_3_cpu_seconds")
    reached = [next((time for time, value in steps if value <= reference + 1e-6), float("inf")) for steps in courses]
    after_three = median(value_after(steps, min(3, max(options.seconds)), max(options.seconds)) for steps in courses)
    good = after_three <= min(reference, prototype or 1) + 1e-6
    proven = options.proof and len(points) <= PROVABLE[0] and case["k"] <= PROVABLE[1]
    cells = [f"{name:16}", f"{reference:.6f}", f"{prototype:.6f}" if prototype else "       -"]
    cells += [f"{value:.6f}" for value in values]
    cells.append(f"{median(reached):7.2f}" if np.isfinite(median(reached)) else "  never")
    cells.append("yes" if good else " NO")
    cells.append(proof_of(points, case["k"], options.proof) if proven else "-")
    return "  ".join(cells)


def proof_of(points, k, seconds):
    before = process_time()
    found = select_subset(points, k, seed=0, time_limit=seconds, prove=True)
    spent = process_time() - before
    state = "proven" if found.proven else f"above {found.lower_bound:.6f}"
    return f"{found.discrepancy:.6f} {state} ({found.seconds:.1f} s wall, {spent:.1f} s CPU)"


def exact_times():
    for n, d, times in EXACT:
        points = np.random.default_rng(0).random((n, d))
        star_discrepancy(points)
        taken = []
        for _ in range(times):
            began = process_time()
            star_discrepancy(points)
            taken.append(1e3 * (process_time() - began))
        print(
            f"exact discrepancy of {n:4} points in d={d}: median {median(taken):9.3f} ms, least {min(taken):9.3f} ms",
            flush=True,
        )


def large(options):
    points = np.random.default_rng(0).random((3000, 3))
    values = medians([course("large", points, 60, seed, options) for seed in range(options.seeds)], options.seconds)
    each = ", ".join(f"{value:.4f} in {limit:g} s" for value, limit in zip(values, options.seconds, strict=True))
    print(f"60 of 3,000 points, d=3: {each}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", default="1,3,10")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", default="")
    parser.add_argument("--proof", type=float, default=60.0)
    parser.add_argument("--traces", type=Path)
    parser.add_argument("--data", type=Path, default=data_folder())
    given = parser.parse_args()
    options = Options(tuple(float(part) for part in given.seconds.split(",")), given.seeds, given.proof, given.traces)
    cases = json.loads((given.data / "reference.json").read_text(encoding="utf-8"))
    names = given.only.split(",") if given.only else [*cases, "exact", "large"]
    heads = "".join(f"  {f'{limit:g} s':>8}" for limit in options.seconds)
    print(f"{'instance':16}  {'carps':>8}  {'proto 3s':>8}{heads}  reached  3 s ok  optimum", flush=True)
    for name in names:
        if name in ("exact", "large"):
            exact_times() if name == "exact" else large(options)
            continue
        print(row(name, cases[name], np.load(given.data / f"{name}.npy"), options), flush=True)


if __name__ == "__main__":
    main()
