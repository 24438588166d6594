"""Which sections a report has, and in which order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from carps_lite.analysis.sections import (
    citing,
    cost,
    fronts,
    further_tests,
    held_out,
    hyperparameters,
    kinds,
    overview,
    regret,
    targets,
    together,
)
from carps_lite.analysis.sections.section import Section
from carps_lite.analysis.summary import Summary

Builder = Callable[[Summary], Section | None]
BEFORE: tuple[Builder, ...] = (
    regret.build,
    targets.build,
    kinds.build,
    together.build,
    held_out.build,
    further_tests.build,
)  # between the pairs and the tasks
AFTER: tuple[Builder, ...] = (
    overview.build,
    fronts.build,
    hyperparameters.build,
    cost.build,
)  # between the tasks and the runs


@dataclass(frozen=True)
class Parts:
    """The sections of one report."""

    before: tuple[Section, ...]
    after: tuple[Section, ...]
    cite: Section

    @property
    def all(self) -> tuple[Section, ...]:
        """All sections in order."""
        return (*self.before, *self.after, self.cite)

    @property
    def answers(self) -> tuple[str, ...]:
        """What the sections have to say at the top of the page."""
        return tuple(answer for section in self.all for answer in section.answers)


def assemble(s: Summary) -> Parts:
    """Build the sections that have something to show."""
    before, after = (tuple(found for build in builders if (found := build(s))) for builders in (BEFORE, AFTER))
    return Parts(before, after, citing.build(s))
