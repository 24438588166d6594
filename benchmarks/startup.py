"""Seconds until the command line answers, beside the start of the interpreter itself.

python benchmarks/startup.py [repetitions]
"""

import subprocess
import sys
import tempfile
from statistics import median
from time import perf_counter

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "carps-lite --help": ["-m", "carps_lite", "--help"],
    "carps-lite run --help": ["-m", "carps_lite", "run", "--help"],
    "carps-lite list tasks": ["-m", "carps_lite", "list", "tasks"],
    "carps-lite run (all kept)": ["-m", "carps_lite", "run", "task=sphere", "optimizer=random", "seeds=1", "budget=5"],
}


def main(repetitions=9):
    with tempfile.TemporaryDirectory() as folder:
        bare = None
        for name, arguments in COMMANDS.items():
            seconds = [timed(arguments, folder) for _ in range(repetitions + 1)][1:]
            bare = bare or median(seconds)
            print(f"{name:28} {median(seconds):.3f} s   {median(seconds) / bare:5.1f} x the interpreter's start")


def timed(arguments, folder):
    begin = perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=folder, check=True, capture_output=True)
    return perf_counter() - begin


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
