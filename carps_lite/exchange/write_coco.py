"""Runs in the data format of COCO (Hansen et al. 2016, COCO: Performance Assessment, arXiv:1605.03560), for cocopp.

Below the folder of each optimizer and suite: `bbobexp_f<id>.info` for each function, and for each of its dimensions
`data_f<id>/bbobexp_f<id>_DIM<d>.dat`, the evaluations that improve, and `.tdat`, those at fixed numbers of evaluations.
Only the suites that cocopp knows can be written: BBOB and SBOX-COST in the dimensions of theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from carps_lite.errors import InputError
from carps_lite.exchange.lone import LoneRun, file_name, lone_runs, some

if TYPE_CHECKING:
    import pandas as pd

SUITES = {"bbob": "bbob", "sbox": "sbox-cost"}
DIMENSIONS = (2, 3, 5, 10, 20, 40)
PRECISION = 1e-8
_COLUMNS = (
    "% f evaluations | g evaluations | best noise-free fitness - Fopt ({:.12e}) + sum g_i+ | measured fitness | "
    "best measured fitness or single-digit g-values | x1 | x2..."
)


def write_coco(runs: pd.DataFrame, trials: pd.DataFrame, out: Path) -> tuple[list[Path], list[str]]:
    """Write all runs that fit. Returns the folders, one an optimizer and suite, and what was left out, as sentences.

    Raises InputError where nothing fits.
    """
    made, left_out = lone_runs(runs, trials)
    reasons = [_unfit(run) for run in made]
    for reason in sorted({*reasons} - {""}):
        tasks = sorted({run.task for run, own in zip(made, reasons, strict=True) if own == reason})
        left_out.append(f"{some(tasks)}: {reason}")
    fitting = [run for run, reason in zip(made, reasons, strict=True) if not reason]
    empty = [run for run in fitting if not np.isfinite(run.values).any()]
    if empty:
        left_out.append(f"{len(empty)} runs without any valid result")
    fitting = [run for run in fitting if np.isfinite(run.values).any()]
    if not fitting:
        raise InputError(f"there is no run that COCO's format can hold: {'; '.join(left_out)}")
    folders = []
    for (entrant, family), own in groupby(sorted(fitting, key=_order), key=lambda run: (run.entrant, run.family)):
        folder = out / file_name(entrant) / SUITES[family] if _several(fitting) else out / file_name(entrant)
        folders.append(folder)
        for fid, its in groupby(own, key=lambda run: int(run.options["fid"])):
            _write_function(folder, entrant, SUITES[family], fid, list(its))
    return folders, left_out


def _unfit(run: LoneRun) -> str:
    """Why cocopp would not read a run as what it is; empty where it would."""
    if run.family not in SUITES:
        return f"of these suites, cocopp knows {' and '.join(name.upper() for name in SUITES.values())} only"
    if run.dimension not in DIMENSIONS:
        return f"cocopp knows {', '.join(map(str, DIMENSIONS))} dimensions only"
    return "" if np.isfinite(run.optimum) else "its optimum is not known"


def _several(runs: Iterable[LoneRun]) -> bool:
    return len({run.family for run in runs}) > 1


def _order(run: LoneRun) -> tuple[Any, ...]:
    return run.entrant, run.family, int(run.options["fid"]), run.dimension, run.instance, run.seed


def _write_function(folder: Path, entrant: str, suite: str, fid: int, runs: Sequence[LoneRun]) -> None:
    data = folder / f"data_f{fid}"
    data.mkdir(parents=True, exist_ok=True)
    lines = []
    for dimension, own in groupby(runs, key=lambda run: run.dimension):
        listed = list(own)
        stem = f"bbobexp_f{fid}_DIM{dimension}"
        (data / f"{stem}.dat").write_text("".join(_block(run, run.improvements) for run in listed))
        (data / f"{stem}.tdat").write_text("".join(_block(run, _moments(run)) for run in listed))
        name = entrant.replace("'", "").replace('"', "")
        lines.append(
            f"suite = '{suite}', funcId = {fid}, DIM = {dimension}, Precision = {PRECISION:.3e}, algId = '{name}', "
            f"coco_version = '', logger = 'bbob', data_format = 'bbob-new2'"
        )
        lines.append("% written by carps-lite")
        ends = (f"{run.instance}:{len(run.values)}|{run.values.min() - run.optimum:.1e}" for run in listed)
        lines.append(", ".join([f"{data.name}/{stem}.dat", *ends]))
    (folder / f"bbobexp_f{fid}.info").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _moments(run: LoneRun) -> np.ndarray:
    """Indices at COCO's numbers of evaluations, 10^(i/20) and D x {1, 2, 5} x 10^j, and of the last one."""
    n = len(run.values)
    powers = np.floor(10 ** (np.arange(0, 20 * 12) / 20))
    tens = run.dimension * np.outer([1, 2, 5], 10.0 ** np.arange(10)).ravel()
    counts = np.unique(np.concatenate([powers, tens, [n]]))
    return counts[counts <= n].astype(np.int64) - 1


def _block(run: LoneRun, indices: np.ndarray) -> str:
    """The lines of one run; those before its first valid result are left out, later failures repeat the best value."""
    best = np.minimum.accumulate(run.values)
    lines = [_COLUMNS.format(run.optimum)]
    for i in indices.tolist():
        if not np.isfinite(best[i]):
            continue
        numbers = (best[i] - run.optimum, run.values[i] if np.isfinite(run.values[i]) else best[i], best[i])
        cells = [str(i + 1), "0", *(f"{x:+.9e}" for x in numbers), *(f"{x:+.4e}" for x in run.points[i])]
        lines.append(" ".join(cells))
    return "\n".join(lines) + "\n"
