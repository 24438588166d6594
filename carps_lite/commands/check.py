"""`carps-lite check`: the public contract tests on anybody's optimizer or task."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from carps_lite import spec
from carps_lite.errors import InputError, one_line, unknown

HELP = """carps-lite check: run the contract tests on an optimizer or a task

usage: carps-lite check optimizer|task NAME [--debug]

NAME is an import path (my_file.MyOptimizer; the working directory is searched) or a shipped name, with options or
without: carps-lite check optimizer my_file.MyOptimizer/lr:0.1. Exit code 1 where a check fails."""


def main(args: Sequence[str]) -> int:
    """Run every check and print a line for each."""
    if len(args) != 2:
        raise InputError("check needs optimizer or task, and a name   (carps-lite check --help)")
    what, name = args
    if what not in ("optimizer", "task"):
        raise unknown("cannot check", what, ("optimizer", "task"), "carps-lite check --help")
    resolved = spec.resolve(f"{what}s", name)
    reason = spec.unavailable(resolved)
    if reason:
        raise InputError(reason)
    failed = total = 0
    for label, check in _checks(resolved):
        total += 1
        problem = _run(check)
        failed += problem is not None
        print(f"{'failed' if problem else 'ok    '}  {label}{f': {problem}' if problem else ''}", flush=True)
    print(f"{name}: {total - failed} of {total} checks passed")
    return 1 if failed else 0


def _checks(resolved: spec.Resolved) -> Iterator[tuple[str, Callable[[], None]]]:
    from carps_lite.testing import check_optimizer, check_task

    def make(*args: Any, **kwargs: Any) -> Any:
        kwargs |= dict(zip(("problem", "seed"), args, strict=False))
        return spec.build(resolved, **kwargs)

    check = check_optimizer if resolved.kind == "optimizers" else check_task
    return check(make, resolved.meta)


def _run(check: Callable[[], None]) -> str | None:
    """Run a check; returns what is wrong, in one line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            check()
    except AssertionError as error:
        return one_line(error) or "the check does not hold"
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {one_line(error)} ({frame.filename.rpartition('/')[2]}:{frame.lineno})"
    return None
