"""Further tests that papers ask for: practical equivalence, and Nemenyi's and Conover's, labelled as what they are."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from carps_lite.analysis import stats
from carps_lite.analysis.bayes import Pairwise, pairwise, posterior, probabilities
from carps_lite.analysis.charts.bayes_bars import bayes_bars
from carps_lite.analysis.charts.bayes_triangle import bayes_triangle
from carps_lite.analysis.charts.critical_difference import critical_difference
from carps_lite.analysis.normalised import seed_means
from carps_lite.analysis.numbers import chance, count, fixed, p_value
from carps_lite.analysis.posthoc import cliques, conover, nemenyi
from carps_lite.analysis.ranking import ALPHA, Ranking, by_group
from carps_lite.analysis.sections.section import Figure, Section, Table
from carps_lite.analysis.stats import Array
from carps_lite.analysis.summary import Summary

ROPE = 0.01  # of normalised regret: a hundredth of what parts the best known from a random search
LEAST_GROUPS = 2


def build(s: Summary) -> Section | None:
    """Show the Bayesian test on normalised regret, and Nemenyi's and Conover's on ranks."""
    if s.ranking is None or s.ranking.n_groups < LEAST_GROUPS:
        return None
    bayes = _bayes(s)
    blocks = [*bayes, *_posthoc(s, s.ranking)]
    notes = s.regret_notes if bayes else ()
    return Section("tests", "Further tests", tuple(blocks), notes) if blocks else None


def _bayes(s: Summary) -> list[Figure | Table]:
    known = s.referenced
    groups = [g for g, has in zip(s.pool.groups, known, strict=True) if has]
    if len(set(groups)) < LEAST_GROUPS:
        return []
    scores_GO = by_group(seed_means(s.scores.normalised_OTS[s.order][:, known]), groups).T
    found = pairwise(scores_GO, ROPE)
    rope = f"{ROPE:g} of normalised regret"
    drawing = partial(bayes_bars, found.better, found.equivalent, s.names, s.looks, rope=rope)
    how = (
        "How probable it is, after these results, that on most tasks of this kind the one is better, the two are "
        f"practically equivalent (regrets within {ROPE:g} of each other, fixed beforehand), or the other is better. "
        f"Bayesian signed-rank test over {count(len(scores_GO), 'group')} of tasks (Benavoli et al. 2017), on mean "
        "regrets over seeds. Unlike a p value it can speak for equality."
    )
    caption = s.caption_of(known)
    blocks: list[Figure | Table] = [
        Figure("bayes", drawing, "Better, equivalent or worse", how, wide=False, caption=caption)
    ]
    if len(s.names) == 2:
        draws = posterior(scores_GO[:, 0] - scores_GO[:, 1], ROPE)
        triangle = partial(bayes_triangle, draws, probabilities(draws), (s.names[0], s.names[1]), s.looks, rope=rope)
        text = "Draws from the posterior of the shares of tasks on which each holds; a corner is certainty."
        blocks.append(
            Figure("bayes_triangle", triangle, "Posterior of the Bayesian signed-rank test", text, False, caption)
        )
    return [*blocks, _bayes_table(s, found)]


def _bayes_table(s: Summary, found: Pairwise) -> Table:
    i, j = np.triu_indices(len(s.names), 1)
    frame = pd.DataFrame(
        {
            "optimizer": [s.names[a] for a in i],
            "against": [s.names[b] for b in j],
            "P(first better)": found.better[i, j],
            "P(equivalent)": found.equivalent[i, j],
            "P(second better)": found.better[j, i],
        }
    )
    return Table("bayes", "The same in numbers", frame, "", dict.fromkeys(frame.columns[2:], chance), folded=True)


def _posthoc(s: Summary, r: Ranking) -> list[Figure | Table]:
    scores_GO = by_group(r.ranks_OT[s.order], s.pool.groups).T
    n, k = scores_GO.shape
    if k < 3:
        return []
    p = nemenyi(scores_GO)
    means = stats.mean_ranks(scores_GO)
    cd = stats.nemenyi_cd(k, n, ALPHA)
    drawing = partial(critical_difference, means, cliques(means, p < ALPHA), s.names, s.looks, cd=cd)
    how = (
        f"Mean ranks over {count(n, 'group')} of tasks; a bar joins optimizers that Nemenyi's test does not tell "
        f"apart at 5 % (critical difference {cd:.2f}; Demšar 2006). Whether two are joined depends on who else is "
        "compared and not on the number of seeds, for which reason the verdicts of this report rest on the paired "
        "tests above instead."
    )
    figure = Figure("critical_difference", drawing, "Critical-difference diagram", how)
    return [figure, _posthoc_table(s, r, scores_GO, p)]


def _posthoc_table(s: Summary, r: Ranking, scores_GO: Array, nemenyi_p: Array) -> Table:
    own = conover(scores_GO)
    i, j = np.triu_indices(len(s.names), 1)
    pairs = [r.between(s.order[a], s.order[b]) for a, b in zip(i, j, strict=True)]
    frame = pd.DataFrame(
        {
            "optimizer": [s.names[a] for a in i],
            "against": [s.names[b] for b in j],
            "Wilcoxon p": [c.p for c in pairs],
            "Wilcoxon p (Holm)": [c.p_holm for c in pairs],
            "Nemenyi p": nemenyi_p[i, j],
            "Conover p (Holm)": own.p_holm[i, j],
            "P(first beats second)": [c.superiority for c in pairs],
            "Cliff's δ": [2 * c.superiority - 1 for c in pairs],
        }
    )
    formats = dict.fromkeys(frame.columns[2:6], p_value) | dict.fromkeys(frame.columns[6:], fixed)
    how = (
        "Wilcoxon's is the test of the verdicts and depends on the two optimizers alone before Holm's correction. "
        "Nemenyi's and Conover's work on ranks among all and change with the pool."
    )
    return Table("tests", "All tests side by side", frame, how, formats, folded=True)
