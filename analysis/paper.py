"""The main tables of a report in the form that a paper prints."""

from __future__ import annotations

import numpy as np
import pandas as pd

from carps_lite.analysis import tables, units
from carps_lite.analysis.numbers import fixed, p_value
from carps_lite.analysis.sections.section import Format, Table
from carps_lite.analysis.summary import Summary

RANKING = {"optimizer": "optimizer", "mean_rank": "mean rank", "low_other_tasks": "95 % low",
           "high_other_tasks": "95 % high", "p_best": "P(first)"}  # fmt: skip
PAIRS = {"optimizer": "optimizer", "against": "against", "verdict": "verdict", "superiority": "P(better)",
         "p_wilcoxon": "p", "p_holm": "p (Holm)"}  # fmt: skip


def paper_tables(s: Summary) -> list[Table]:
    """The results of each task, in its own direction and unit, and, where there is a ranking, ranking and pairs."""
    measures = [units.of(s.scores, t) for t in range(len(s.pool.tasks))]
    medians = units.quartiles(s.scores).median[..., -1]
    columns = {s.pool.names[o]: medians[o] for o in s.order}
    results = pd.DataFrame({"task": s.pool.tasks, "measure": [own.directed for own in measures], **columns})
    title = f"Median over seeds within {s.when}, ↑: larger is better, ↓: smaller is better"
    made = [Table("final", title, results.replace([np.inf, -np.inf], np.nan), "")]
    if s.ranking is None:
        return made
    ranks = tables.ranking_table(s.ranking)[list(RANKING)].rename(columns=RANKING)
    pairs = tables.pairs_table(s.ranking)[list(PAIRS)].rename(columns=PAIRS)
    two: dict[str, Format] = dict.fromkeys(list(RANKING.values())[1:], fixed)
    shown: dict[str, Format] = {"P(better)": fixed, "p": p_value, "p (Holm)": p_value}
    made.append(Table("ranking", f"Mean ranks within {s.when}; intervals for other tasks", ranks, "", two))
    made.append(Table("pairs", "Every pair: Wilcoxon's signed-rank test over tasks", pairs, "", shown))
    return made
