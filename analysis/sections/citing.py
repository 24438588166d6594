"""Whom to cite, and under which licences tasks and optimizers stand."""

from __future__ import annotations

import pandas as pd

from carps_lite.analysis import citations
from carps_lite.analysis.sections.section import Section, Table
from carps_lite.analysis.summary import Summary


def build(s: Summary) -> Section:
    """List what is cited for each family of tasks and each optimizer."""
    found = citations.uses(s.pool.tasks, sorted(set(s.pool.runs["optimizer"])))
    frame = pd.DataFrame(
        {
            "what": [use.kind for use in found],
            "name": [use.name for use in found],
            "cite": ["; ".join(citations.in_text(work) for work in use.works) or "nothing stated" for use in found],
            "licence": [use.licence or "not stated" if use.kind == "task" else "" for use in found],
            "values": [use.source for use in found],
        }
    )
    how = "Values: where those of the task come from. The same as BibTeX: citations.bib beside this page."
    return Section("cite", "Cite and licences", (Table("citations", "", frame, how),))


def bibtex(s: Summary) -> str:
    """The same as BibTeX."""
    return citations.bibtex(citations.uses(s.pool.tasks, sorted(set(s.pool.runs["optimizer"]))))
