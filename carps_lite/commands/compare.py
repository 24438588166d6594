"""`carps-lite compare`: two optimizers against each other, in the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from carps_lite.commands.pairs import listed, seeds, split, stores
from carps_lite.errors import InputError
from carps_lite.locate import locate

HELP = """carps-lite compare: two optimizers against each other, in the terminal

usage: carps-lite compare A B [STORE ...] [key=value ...]

  A B               optimizers as they are called in the report, such as tpe or 'tpe [4 workers]'
  results=results   the folder of the store; several with commas, or as plain arguments: further stores, archives
                    (FILE.parquet) and baseline:NAME; of runs that two of them have, the first named counts
  task=null         only these tasks: ids, or patterns such as 'bbob*'; several with commas
  seeds=null        only these seeds: 5 (0 to 4), 5..9 or [1,3]
  n_workers=null    only runs with so many simulated workers
  budget=null       where they are compared: 100, 200trials, 3600sim; null: the largest that all reached
  rope=0.01         differences below do not matter in practice: a share of the range between the task's references

Says on how many tasks each is better (a run of the one beats a run of the other with probability over one half), the
median difference of normalised regret with its 95 % interval over tasks, the probabilities of the Bayesian signed-rank
test, and Wilcoxon's p. Instances and dimensions of one function count as one."""

KEYS = ("results", "task", "seeds", "n_workers", "budget", "rope")


def main(args: Sequence[str]) -> int:
    """Print the comparison."""
    plain, given = split("compare", args, KEYS)
    if len(plain) < 2:
        raise InputError(f"compare needs two optimizers, got {' '.join(plain) or 'none'}   (carps-lite compare --help)")
    first, second, *further = plain
    rope = _rope(given.get("rope", "0.01"))
    workers = given.get("n_workers", "null")
    if workers != "null" and not (workers.isdigit() and int(workers)):
        raise InputError(f"n_workers must be a whole number of at least 1, got {workers!r}")
    budget = given.get("budget", "null")
    from carps_lite.stack import open_sources

    source = open_sources(stores(further, given.get("results")))
    workers_wanted = None if workers == "null" else int(workers)
    choice = locate("carps_lite.analysis.selection.Choice")(None, listed(given, "task"), seeds(given), workers_wanted)
    frames = source.frames(columns=locate("carps_lite.analysis.curves.COLUMNS"))
    found = locate("carps_lite.analysis.compare.compare")(
        *frames, first, second, choice, None if budget == "null" else budget, source.impossible(), rope
    )
    print("\n".join([*found.lines, *(f"{note}." for note in source.notes)]))
    return 0


def _rope(text: str) -> float:
    try:
        rope = float(text)
    except ValueError:
        rope = math.nan
    if not 0 <= rope < 1:
        raise InputError(f"rope must be a number from 0 to 1, got {text!r}")
    return rope
