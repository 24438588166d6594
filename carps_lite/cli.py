"""The front of the command line: finds the subcommand, answers `--help` at once, and turns errors into one line.

Exit codes: 0 all well, 1 something failed, 2 the command was wrong (and nothing was written), 130 stopped by hand.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from carps_lite.errors import InputError, unknown

COMMANDS = {
    "run": "run a grid of tasks x optimizers x seeds, or go on with it",
    "report": "rank the optimizers: a page, figures, tables, and the answer in a sentence",
    "compare": "two optimizers against each other, in the terminal",
    "evaluate": "evaluate what runs recommend again, in full and on held-out seeds",
    "status": "what is done, running, failed and missing",
    "list": "list tasks, optimizers or suites",
    "import": "bring finished studies of other programs (Optuna, SMAC, CSV) into a store",
    "export": "write runs for other programs (CSV, Parquet, IOHanalyzer, COCO) or as an archive",
    "data": "bring recorded data that some tasks need",
    "subset": "choose the few tasks that represent all",
    "references": "compute the values by which results on a task are normalised",
    "check": "run the contract tests on an optimizer or task of your own",
}

MODULES = {"list": "listing", "import": "import_runs", "export": "export_runs"}  # where the name will not do

HELP = """carps-lite: compare hyperparameter optimizers on benchmark tasks

usage: carps-lite COMMAND ...        carps-lite COMMAND --help

{commands}

A first comparison, in under three minutes:
  carps-lite run task=quickstart optimizer=random,tpe,cmaes,gp seeds=5 budget=30
  carps-lite report

Your own optimizer (a class with ask and tell; see docs/add-an-optimizer.md):
  carps-lite check optimizer my_file.MyOptimizer
  carps-lite run task=bbob/fid:1..24/dim:5 optimizer=my_file.MyOptimizer,random seeds=10 budget=100

options: --version, --debug (show the traceback of an error)"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    args = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in args
    args = [a for a in args if a != "--debug"]
    try:
        return _dispatch(args)
    except InputError as error:
        if debug:
            raise
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `carps-lite list tasks | head`
        sys.stderr.close()
        return 0


def _dispatch(args: list[str]) -> int:
    if not args or args[0] in ("-h", "--help", "help"):
        width = max(map(len, COMMANDS))
        listed = "\n".join(f"  {name:{width}}  {what}" for name, what in COMMANDS.items())
        print(HELP.format(commands=listed))
        return 0
    name, *rest = args
    if name == "--version":
        from importlib.metadata import version

        print(f"carps-lite {version('carps-lite')}")
        return 0
    if name not in COMMANDS:
        raise unknown("no command", name, COMMANDS, "carps-lite --help")
    command = importlib.import_module(f"carps_lite.commands.{MODULES.get(name, name)}")
    if any(a in ("-h", "--help") for a in rest):
        print(command.HELP)
        return 0
    code: int = command.main(rest)
    return code


if __name__ == "__main__":
    sys.exit(main())
