"""What the page shows and its rendering to HTML and Markdown; the templates only lay it out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from markupsafe import Markup, escape

from carps_lite.analysis import figures, marks, tables, words
from carps_lite.analysis.labels import families
from carps_lite.analysis.numbers import chance, count, duration, fixed, interval, p_equals, p_value, percent
from carps_lite.analysis.parts import Parts
from carps_lite.analysis.ranking import Ranking
from carps_lite.analysis.rendering import environment
from carps_lite.analysis.rows import coverage_rows, failed_runs, failure_kinds, task_rows, version_rows
from carps_lite.analysis.sections.section import cells, is_number
from carps_lite.analysis.summary import Summary

LABELS = {
    "anytime_ranks": "Mean rank of each optimizer along the budget",
    "mean_ranks": "Mean ranks with intervals",
    "pairs": "Pairwise comparison",
}
_ID, _REFERENCE = re.compile(r' id="([^"]+)"'), re.compile(r"#([\w.-]+)")
View = dict[str, Any]


def render(s: Summary, parts: Parts, drawn: Mapping[str, str], title: str) -> dict[str, str]:
    """Render the page and its Markdown twin. `drawn`: name -> SVG. Returns file name -> text."""
    colours, light, dark = figures.variables(s.looks)
    view: View = {
        "title": title,
        "light": Markup(light),
        "dark": Markup(dark),
        "s": s,
        "names": s.names,
        "answers": parts.answers,
        "caption": s.caption,
        "keys": {name: marks.key(look, colours) for name, look in s.looks.items()},
        "ranked": s.ranking is not None,
        "tiles": _tiles(s),
        "tasks": task_rows(s, colours) if s.has_curves else [],
        "coverage": coverage_rows(s),
        "failed_runs": failed_runs(s),
        "kinds": failure_kinds(s),
        "versions": version_rows(s),
        "figures": {name: _inline(svg, _label(name, parts), colours) for name, svg in drawn.items()},
        "before": parts.before,
        "after": parts.after,
        "cite": parts.cite,
        "cells": cells,
        "is_number": is_number,
        **(_ranked(s, s.ranking, colours) if s.ranking else {"omnibus": ""}),
    }
    html, text = environment(escape=True), environment(escape=False, keep_trailing_newline=True)
    for reader in (html, text):
        reader.filters["begin"] = _begin
    return {
        "index.html": html.get_template("report.html").render(view),
        "report.md": text.get_template("report.md").render(view),
    }


def _inline(svg: str, label: str, colours: Mapping[str, str]) -> Markup:
    """A figure inside the page, where an id must be the only one: those that nothing refers to are left out."""
    text = figures.inline(svg, str(escape(label)), colours)
    used = set(_REFERENCE.findall(text))
    return Markup(_ID.sub(lambda found: found[0] if found[1] in used else "", text))


def _begin(text: str) -> str:
    """With a capital letter; the rest stays as it is."""
    return text[:1].upper() + text[1:]


def _ranked(s: Summary, r: Ranking, colours: Mapping[str, str]) -> View:
    return {
        "leader": r.names[r.order[0]],
        "evidence": words.evidence(r),
        "ranks": _ranks(s, r, colours),
        "pairs": _pairs(s, r, colours),
        "family": len(r.comparisons),
        "omnibus": _omnibus(r),
    }


def _tiles(s: Summary) -> list[View]:
    """The four boxes at the top: (head, text, whether to warn)."""
    t, n_groups, n_tasks = s.tally, len(set(s.pool.groups)), len(s.pool.tasks)
    lost = ((t.failed, "failed"), (t.missing, "missing"), (t.no_result, "without result"))
    gaps = ", ".join(f"{sum(n):,} {what}" for n, what in lost if sum(n))
    counted = "" if n_groups == n_tasks else f"; {count(n_groups, 'group')}"
    how = "as asked for" if s.given else "as far as every finished run went"
    tiles = (
        (count(n_tasks, "task"), families(s.pool.tasks) + counted, False),
        (s.seeds, f"{len(s.pool.runs):,} runs, {s.trials:,} trials", False),
        (f"{sum(t.done):,} of {t.planned:,} runs", gaps or "all finished", bool(gaps)),
        (s.when, f"each, {how}", False),
    )
    return [{"head": head, "text": text, "warn": warn} for head, text, warn in tiles]


def _ranks(s: Summary, r: Ranking, colours: Mapping[str, str]) -> list[View]:
    coverage, finals, n = tables.coverage_table(s.scores), s.scores.medians_OTB[..., -1], len(r.names)
    best = ((finals == finals.min(axis=0)) & np.isfinite(finals)).sum(axis=1)
    rows = []
    for o in s.order:
        own, mean, look = coverage.iloc[o], float(r.mean_ranks[o]), s.looks[r.names[o]]
        lost = int(own["failed"] + own["missing"])
        rows.append(
            {
                "name": r.names[o],
                "mean": fixed(mean),
                "interval": marks.rank_interval(mean, r.seed_intervals[o], r.task_intervals[o], n, look, colours),
                "seeds": interval(r.seed_intervals[o]),
                "tasks": interval(r.task_intervals[o]),
                "best": int(best[o]),
                "p_best": chance(float(r.p_best[o])),
                "p_best_value": float(r.p_best[o]),
                "own": duration(float(own["own_seconds_per_trial"])),
                "own_value": float(own["own_seconds_per_trial"]),
                "lost": f"{lost} of {int(own['planned'])}" if lost else "0",
                "lost_value": lost,
            }
        )
    return rows


def _pairs(s: Summary, r: Ranking, colours: Mapping[str, str]) -> list[View]:
    return [
        {
            "name": r.names[a],
            "colour": colours[s.looks[r.names[a]].colour],
            "cells": [_pair(r, a, b) if a != b else None for b in s.order],
        }
        for a in s.order
    ]


def _pair(r: Ranking, a: int, b: int) -> View:
    c = r.between(a, b)
    tested = f"p {p_value(c.p)} before Holm's correction" if c.n_groups > 1 else "not tested"
    return {
        "chance": percent(c.superiority),
        "verdict": words.verdict(r, a, b),
        "counts": f"{c.wins}–{c.ties}–{c.losses}",
        "mix": round(14 + 40 * max(0.0, c.superiority - 0.5)) if c.verdict == 1 else 0,  # per cent of the colour
        "hint": f"{r.names[a]} against {r.names[b]}: {count(c.wins, 'task')} won, {c.ties} level, {c.losses} lost; "
        f"{tested}, {count(c.n_groups, 'group')} of tasks",
    }


def _omnibus(r: Ranking) -> str:
    if r.friedman is None:
        return ""
    f = r.friedman
    return (
        f"Friedman χ² = {f.chi2:.4g}, {p_equals(f.p)}; Iman–Davenport F = {f.iman_davenport_f:.4g}, "
        f"{p_equals(f.iman_davenport_p)} (over {count(r.n_groups, 'group')} of tasks)"
    )


def _label(name: str, parts: Parts) -> str:
    labels = LABELS | {figure.name: figure.label for section in parts.all for figure in section.figures}
    return labels.get(name, "Median incumbent of each optimizer on each task along the budget")
