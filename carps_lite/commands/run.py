"""`carps-lite run`: one Hydra job is one grid."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from carps_lite.catalog import PACKAGED
from carps_lite.commands.arguments import as_lists, check_overrides, defaults
from carps_lite.errors import InputError

HELP = """carps-lite run: run a grid of tasks x optimizers x seeds; what is done already is kept

usage: carps-lite run [key=value ...] [-m] [--debug]

  task=...        a task, a suite, a suite file, or several     task=bbob/fid:1..24/dim:2+5,quickstart
  optimizer=...   one or several                                optimizer=random,tpe/multivariate:true,my.Opt/lr:0.1
  seeds=5         0 to 4; or 5..9; or [1,3]
  budget=100      of each run, in full evaluations; or 200trials, 3600sim, 60wall (seconds); default: the task's own

  n_workers=1     simulated parallel workers in a run           sync=false    batches that wait for the slowest
  overhead=0      simulated seconds an ask takes, or measured   device=null   cpu or cuda, for tasks that train on one

  processes=null  runs at a time; null: one for each core       shard=null    2of8: the second of eight parts
  results=results the folder of the store                       dry_run=false say what would be done, do nothing
  rerun=null      stale, failed or all: do again what is there

  trial_seconds=3600   run_seconds=null   memory_gb=null        limits; what is over one is recorded as a failure

In a spec, `key:value` sets an option, `1..24` and `2+5` stand for several values, `fid:all` for all, `a@b` is a list.
  carps-lite list tasks          carps-lite list optimizers          carps-lite list suites

A sweep over any key, and the same on a cluster (pip install 'carps-lite[slurm]'):
  carps-lite run -m n_workers=1,4,16 task=quickstart optimizer=[random,tpe]
  carps-lite run -m hydra/launcher=submitit_slurm shard=1of4,2of4,3of4,4of4 task=bbob optimizer=[tpe,gp]

Ctrl-C stops; the same command goes on from there. Exit codes: 0 all well, 1 something failed, 2 the command was wrong,
130 stopped by hand."""


def main(args: Sequence[str]) -> int:
    """Read the command line with Hydra and run a grid, or with -m several."""
    sweep = any(a in ("-m", "--multirun") for a in args)
    overrides = list(args) if sweep else as_lists(args)
    check_overrides("run", overrides, defaults("run"))
    import hydra
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    _CODES.clear()
    _ERRORS.clear()
    os.environ[_PARENT] = str(os.getpid())
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors are raised instead of printed
    before = sys.argv
    sys.argv = ["carps-lite run", *overrides]
    try:
        hydra.main(version_base=None, config_path=str(PACKAGED), config_name="run")(job)()
    except (HydraException, OmegaConfBaseException) as error:
        raise InputError(f"run: {str(error).strip().splitlines()[0]}") from error
    except KeyboardInterrupt:
        if 130 not in _CODES:  # not in a grid, which would have said what is complete
            raise
    finally:
        sys.argv = before
    if _ERRORS:
        raise _ERRORS[0]
    return max(_CODES, default=0)


class GridFailed(RuntimeError):
    """Tells a launcher in another process that something in the grid failed."""


def job(config: Any) -> None:
    """One Hydra job: one grid."""
    from omegaconf import OmegaConf

    given: Any = OmegaConf.to_container(config, resolve=True)
    here = os.environ.get(_PARENT) == str(os.getpid())
    try:
        code = run_grid(given)
    except InputError as error:
        if not here:
            raise
        _ERRORS.append(error)
        return
    _CODES.append(code)
    if code == 130:  # end a sweep too
        raise KeyboardInterrupt
    if code and not here:
        raise GridFailed(f"exit code {code}")


_PARENT = "CARPS_LITE_FRONT"
_CODES: list[int] = []
_ERRORS: list[InputError] = []


def run_grid(given: Mapping[str, Any]) -> int:
    """Plan a grid, say what it comes to, run it, and say how it went. Returns the exit code."""
    from carps_lite.commands import wording
    from carps_lite.commands.manifest import remember
    from carps_lite.commands.progress import Tally
    from carps_lite.commands.settings import parse_settings
    from carps_lite.grid import run_cells
    from carps_lite.plan import plan
    from carps_lite.store import Store

    settings = parse_settings(given)
    store = Store(settings.results)
    made = plan(settings.request, store)
    if made.impossible and len(made.impossible) == len(settings.request.tasks) * len(settings.request.optimizers):
        task, optimizer, reason = made.impossible[0]
        more = f" (and {len(made.impossible) - 1} more like it)" if len(made.impossible) > 1 else ""
        raise InputError(f"{optimizer} cannot run on {task}: {reason}{more}")
    print(wording.headline(made, settings), flush=True)
    if settings.dry_run:
        print("\n".join(wording.details(made, settings, store)))
        return 0
    print("\n".join(wording.counts(made)), flush=True)
    try:
        store.create()
        remember(store, settings.request, made)
    except OSError as error:
        if made.to_run:
            raise InputError(f"cannot write to results={settings.results}: {error.strerror or error}") from error
    with Tally(len(made.to_run)) as tally:
        try:
            run_cells(made.to_run, store, settings.processes, settings.limits, tally)
        except KeyboardInterrupt:
            complete = len(made.kept) + tally.ran
            total = made.size - len(made.impossible) * len(settings.request.seeds)
            again = "leave rerun=all out to go on" if "all" in settings.request.rerun else "the same command goes on"
            stopped = f"stopped: {complete:,} of {total:,} runs are complete; {again} from here"
        else:
            stopped = ""
    if stopped:
        print(stopped)
        return 130
    print(wording.outcome(made, tally))
    return 1 if tally.failures or made.failed_before else 0
