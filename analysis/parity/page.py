"""The page of a parity study, as HTML in one file and as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes

from carps_lite.analysis import figures
from carps_lite.analysis.numbers import chance, count, duration, fixed, listing, percent, value
from carps_lite.analysis.parity.drawing import difference_rows, loss_scatter
from carps_lite.analysis.parity.summary import Found, Row, row
from carps_lite.analysis.rendering import environment
from carps_lite.analysis.style import looks

LABELS = {
    "32": "32 bits",
    "8": "8 bits",
    "ao8": "8 bits (torchao)",
    "4": "4 bits",
    "fp8": "8-bit floats",
    "linear8": "linear 8 bits",
}
SURE = 0.95  # probability from which on a verdict is given


def label(name: str) -> str:
    """What a format is called for readers."""
    return LABELS.get(name, name)


def verdict(line: Row) -> str:
    """Better, equivalent or worse than 32 bits, or undecided; failures count as worst."""
    for probability, word in (
        (line.p_better, "better"),
        (line.p_equivalent, "equivalent"),
        (line.p_worse, "worse"),
    ):
        if probability >= SURE:
            return word
    return "undecided" if np.isfinite(line.p_equivalent) else "–"


def headline(results: Sequence[Found]) -> str:
    """The answer in a sentence: the first format after 32 bits, task by task."""
    if not results or len(results[0].observations.formats) < 2:
        return "Only 32 bits were trained: nothing to compare"
    by_verdict: dict[str, list[str]] = {}
    for found in results:
        by_verdict.setdefault(verdict(row(found, 1)), []).append(found.observations.task)
    words = [f"{word} on {listing(tasks)}" for word, tasks in by_verdict.items()]
    return f"{label(results[0].observations.formats[1])} against 32 at equal hyperparameters: {listing(words)}"


def write(
    results: Sequence[Found], folder: Path, rope: float, about: Mapping[str, str], command: str, gpu: bool
) -> tuple[Path, Path]:
    """Write `index.html`, `parity.md` and `figures/` into a folder; return the first two paths.

    `about`: what was measured and where (machine, versions); `command`: what makes the page; `gpu`: whether a GPU
    trained, so that a page without one says what is missing.
    """
    names = [label(f) for f in results[0].observations.formats]
    own = looks(names)
    colours, light, dark = figures.variables(own)
    drawn = {"differences": _differences(results, names, rope), "losses": _losses(results, names)}
    shown = {
        key: Markup(figures.inline(figures.save(axes[0], folder / "figures", key), WORDS[key], colours))
        for key, axes in drawn.items()
    }
    view = {
        "title": "Parity of optimizer states",
        "headline": headline(results),
        "tasks": [_task(found) for found in results],
        "figures": shown,
        "words": WORDS,
        "about": about,
        "command": command,
        "gpu": gpu,
        "rope": value(rope, 2),
        "sure": percent(SURE),
        "light": Markup(light),
        "dark": Markup(dark),
    }
    paths = folder / "index.html", folder / "parity.md"
    for path, name, escape in zip(paths, ("parity.html", "parity.md"), (True, False), strict=True):
        template = environment(escape).get_template(name)
        path.write_text(template.render(view).rstrip() + "\n", encoding="utf-8")
    return paths


WORDS = {
    "differences": "Mean difference of the validation loss to 32 bits, in standard deviations of the seed",
    "losses": "Mean validation loss of each configuration in each format against that in 32 bits",
}


def _differences(results: Sequence[Found], names: Sequence[str], rope: float) -> list[Axes]:
    values, bounds, points = [], [], []
    for found in results:
        o, scale = found.observations, found.noise.median
        values.append([p.mean / scale for p in found.paired[1:]])
        bounds.append([p.interval / scale for p in found.paired[1:]])
        points.append([_of_configurations(own - o.loss[0]) / scale for own in o.loss[1:]])
    titles = [found.observations.task for found in results]
    return difference_rows(titles, np.array(values), np.array(bounds), points, names[1:], looks(names), rope)


def _of_configurations(d_CS: np.ndarray) -> np.ndarray:
    """Means over the seeds in which both trained, where there are any."""
    known = np.isfinite(d_CS)
    n = known.sum(axis=1)
    return np.asarray(np.where(known, d_CS, 0.0).sum(axis=1)[n > 0] / n[n > 0])


def _losses(results: Sequence[Found], names: Sequence[str]) -> list[Axes]:
    losses = [found.observations.loss.mean(axis=2) for found in results]
    return loss_scatter([f.observations.task for f in results], losses, names, looks(names))


def _task(found: Found) -> dict[str, Any]:
    """What the templates say of one task."""
    o = found.observations
    lines = [row(found, f) for f in range(o.shape[0])]
    return {
        "name": o.task,
        "size": f"{count(o.shape[1], 'configuration')} × {count(o.shape[2], 'seed')}",
        "sd": value(found.noise.median, 2),
        "pooled": value(found.noise.pooled, 2),
        "gap": value(found.noise.gap, 2),
        "rope": value(found.rope, 2),
        "losses": [_losses_row(line) for line in lines],
        "costs": [_costs_row(line) for line in lines],
        "tuning": [_tuning_row(line) for line in lines],
        "within": fixed(lines[0].tau_of_seeds),
    }


def _losses_row(line: Row) -> dict[str, str]:
    reference = line.format == "32"
    low, high = line.difference_low, line.difference_high
    interval = f"[{value(low, 2)}, {value(high, 2)}]" if np.isfinite(low) else ""
    failures = line.failures.replace(":", " ").replace("_", " ")
    return {
        "format": label(line.format),
        "pairs": str(line.pairs),
        "failures": failures + (f" (not made: {line.missing})" if line.missing else "") or "none",
        "difference": "–" if reference else f"{value(line.difference, 2)} {interval}".strip(),
        "in_sd": "–" if reference else fixed(line.difference_in_sd),
        "absolute": "–" if reference else value(line.absolute_difference, 2),
        "of_gap": "–" if reference else value(line.absolute_difference / line.gap_of_two_seeds, 2),
        "largest": "–" if reference else value(line.largest_difference, 2),
        "equivalent": "–" if reference else chance(line.p_equivalent),
        "worse": "–" if reference else chance(line.p_worse),
        "verdict": "–" if reference else verdict(line),
    }


def _costs_row(line: Row) -> dict[str, str]:
    return {
        "format": label(line.format),
        "bytes": f"{line.state_bytes:,.0f}" if np.isfinite(line.state_bytes) else "–",
        "bytes_ratio": fixed(line.state_bytes_ratio, 3),
        "seconds": duration(line.seconds),
        "seconds_ratio": fixed(line.seconds_ratio),
        "peak_ratio": fixed(line.peak_bytes_ratio, 3),
    }


def _tuning_row(line: Row) -> dict[str, str]:
    return {
        "format": label(line.format),
        "best": str(line.best_configuration) if line.best_configuration >= 0 else "none",
        "rank": fixed(line.rank_of_best_of_32, 0) if np.isfinite(line.rank_of_best_of_32) else "failed",
        "tau": fixed(line.tau),
        "tau_seeds": fixed(line.tau_of_seeds),
        "tuned": value(line.tuned_loss),
        "tuned_difference": value(line.tuned_difference, 2),
        "carried_difference": value(line.carried_difference, 2),
    }
