"""A grid, its table and its report from Python. Takes a few seconds; writes into a temporary folder."""

import tempfile

import carps_lite as cl
from carps_lite.analysis.report import write
from carps_lite.cli import main

if __name__ == "__main__":  # the grid starts worker processes, which import this file
    with tempfile.TemporaryDirectory() as folder:
        # the same words as on the command line
        code = main(["run", "task=smoke", "optimizer=random,tpe", "seeds=3", "budget=20", f"results={folder}"])
        print("exit code", code)

        table = cl.Store(folder).table()  # one row a trial
        print(table.groupby(["optimizer", "task"], observed=True)["value"].min().unstack().T.round(3))

        report = write(cl.Store(folder), f"{folder}/report")
        print("\n".join(report.lines))
