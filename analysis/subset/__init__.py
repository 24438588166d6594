"""Choosing tasks whose points of performance cover the unit cube evenly: the smallest star discrepancy."""

from carps_lite.analysis.subset.anytime import Selection
from carps_lite.analysis.subset.bounds import Bounds, bounds
from carps_lite.analysis.subset.discrepancy import Box, attaining_box, star_discrepancy
from carps_lite.analysis.subset.search import select_subset
from carps_lite.analysis.subset.several import select_subsets

__all__ = [
    "Bounds",
    "Box",
    "Selection",
    "attaining_box",
    "bounds",
    "select_subset",
    "select_subsets",
    "star_discrepancy",
]
