"""Versions of installed distributions, each looked up once: reading them takes a millisecond."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version


@lru_cache(maxsize=256)
def installed_version(name: str) -> str | None:
    """The installed version of a distribution, None where there is none."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None
