"""How small a discrepancy the subset search reaches in how much time, against a reference, and how fast its parts are.

    python benchmarks/subset_search.py [--seconds 1,10,60] [--seeds 5] [--only uni_27_9_3,...] [--proof 60] [--data
    FOLDER]

FOLDER (default: `discrepancy/` of the data folder) holds point sets NAME.npy (n, d) and reference.json: for each NAME
the k, the best value that the C program of carps reached (`reference_best`), and where there is one that of a
prototype in 3 s. Time is CPU time of this process, after the kernels are compiled. One walk, one core; medians over
the seeds. `reached` is the median CPU time until the discrepancy was at most the reference's best (`never`: in fewer
than half of the runs). `--proof`: seconds for a proof of the optimum where n <= 64 and k <= 16; 0 leaves it out. The
last lines time the exact discrepancy and a large instance.
"""

import argparse
import json
import os
from pathlib import Path
from statistics import median
from time import process_time

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))

import numpy as np

from carps_lite.analysis.subset import select_subset, star_discrepancy
from carps_lite.analysis.subset.search import PROVABLE

EXACT = ((100, 3), (1000, 3), (1000, 2), (50, 6), (100, 6), (50, 8), (300, 4))


def data_folder():
    given = os.environ.get("CARPS_LITE_DATA_DIR")
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    return (Path(given) if given and (Path(given) / "discrepancy").is_dir() else beside) / "discrepancy"


def course(points, k, seed, seconds):
    """The times and values at which the best discrepancy fell, of one search."""
    steps = []

    def note(state):
        if not steps or state.discrepancy < steps[-1][1]:
            steps.append((state.seconds, state.discrepancy))

    found = select_subset(
        points, k, seed=seed, time_limit=seconds, prove=False, clock=process_time, progress=note, progress_every=0.0
    )
    steps.append((found.seconds, found.discrepancy))
    return steps


def value_after(steps, seconds):
    """What was found by then; a first look after the time counts, since no chunk of steps is shorter."""
    return min((value for time, value in steps if time <= seconds + 0.1), default=steps[0][1])


def row(name, case, points, limits, seeds, proof):
    courses = [course(points, case["k"], seed, max(limits)) for seed in range(seeds)]
    values = [median(value_after(steps, limit) for steps in courses) for limit in limits]
    reference, prototype = case["reference_best"], case.get("prototype_3_cpu_seconds")
    reached = [next((time for time, value in steps if value <= reference + 1e-6), float("inf")) for steps in courses]
    after_three = median(value_after(steps, 3) for steps in courses) if max(limits) >= 3 else values[-1]
    good = after_three <= min(reference, prototype or 1) + 1e-6
    proven = proof and len(points) <= PROVABLE[0] and case["k"] <= PROVABLE[1]
    cells = [f"{name:16}", f"{reference:.6f}", f"{prototype:.6f}" if prototype else "       -"]
    cells += [f"{value:.6f}" for value in values]
    cells.append(f"{median(reached):7.2f}" if np.isfinite(median(reached)) else "  never")
    cells.append("yes" if good else " NO")
    cells.append(proof_of(points, case["k"], proof) if proven else "-")
    return "  ".join(cells)


def proof_of(points, k, seconds):
    before = process_time()
    found = select_subset(points, k, seed=0, time_limit=seconds, prove=True)
    spent = process_time() - before
    state = "proven" if found.proven else f"above {found.lower_bound:.6f}"
    return f"{found.discrepancy:.6f} {state} ({found.seconds:.1f} s wall, {spent:.1f} s CPU)"


def exact_times():
    for n, d in EXACT:
        points = np.random.default_rng(0).random((n, d))
        star_discrepancy(points)
        times = []
        for _ in range(5):
            began = process_time()
            star_discrepancy(points)
            times.append(process_time() - began)
        print(f"exact discrepancy of {n:4} points in d={d}: {1e3 * median(times):9.2f} ms", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", default="1,10")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", default="")
    parser.add_argument("--proof", type=float, default=60.0)
    parser.add_argument("--data", type=Path, default=data_folder())
    options = parser.parse_args()
    limits = [float(part) for part in options.seconds.split(",")]
    cases = json.loads((options.data / "reference.json").read_text(encoding="utf-8"))
    names = options.only.split(",") if options.only else list(cases)
    heads = "".join(f"  {f'{limit:g} s':>8}" for limit in limits)
    print(f"{'instance':16}  {'carps':>8}  {'proto 3s':>8}{heads}  reached  3 s ok  optimum")
    for name in names:
        points = np.load(options.data / f"{name}.npy")
        print(row(name, cases[name], points, limits, options.seeds, options.proof), flush=True)
    exact_times()
    points = np.random.default_rng(0).random((3000, 3))
    steps = course(points, 60, 0, max(limits))
    print("n=3000, k=60, d=3:", ", ".join(f"{value_after(steps, limit):.4f} in {limit:g} s" for limit in limits))


if __name__ == "__main__":
    main()
