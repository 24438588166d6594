"""Write run histories with SMAC itself, for the tests of its import.

    pip install smac==2.4.1 && python tests/data/make_smac.py

into `smac/<name>/<seed>/`: `mf`, Hyperband over epochs 1 to 9 with trials that crash, and `mo`, two objectives with a
conditional parameter. Beside what SMAC wrote, `told.json` holds what the target function returned, call by call, as the
independent record that the import is compared with. Of SMAC's files, `runhistory.json` and `scenario.json` are kept.
"""

from __future__ import annotations

import json
import os
import re
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from ConfigSpace import Categorical, Configuration, ConfigurationSpace, EqualsCondition, Float, Integer
from smac import HyperparameterOptimizationFacade, MultiFidelityFacade, Scenario

HERE = Path(__file__).parent / "smac"
FOLDERS = re.compile(r"/(?:[\w.-]+/)+(?=[\w.-]+\.py)")  # of this machine, which tracebacks name


def space() -> ConfigurationSpace:
    """A float on a log scale, an integer, a category, and a float that only one category has."""
    made = ConfigurationSpace(seed=3)
    rate, width = Float("rate", (1e-4, 1.0), log=True), Integer("width", (1, 64))
    act, slope = Categorical("act", ["relu", "leaky"]), Float("slope", (0.01, 0.3))
    made.add(rate, width, act, slope)
    made.add(EqualsCondition(slope, act, "leaky"))
    return made


class Target:
    """Remembers what it was asked and what it answered."""

    def __init__(self) -> None:
        self.told: list[dict[str, object]] = []

    def mf(self, config: Configuration, seed: int = 0, budget: float = 0.0) -> float:
        """Crashes for wide networks; else a loss that falls with epochs."""
        known = {k: v.item() if hasattr(v, "item") else v for k, v in dict(config).items()}
        if config["width"] > 48:
            self.told.append({"config": known, "budget": budget, "failed": True})
            raise ArithmeticError("too wide")
        loss = (float(config["rate"]) - 0.1) ** 2 + int(config["width"]) / 100 + 1 / budget
        self.told.append({"config": known, "budget": budget, "values": [loss]})
        return loss

    def mo(self, config: Configuration, seed: int = 0) -> dict[str, float]:
        """An error and a size that are at odds."""
        known = {k: v.item() if hasattr(v, "item") else v for k, v in dict(config).items()}
        found = {"error": 1 / int(config["width"]) + float(config["rate"]), "size": float(config["width"])}
        self.told.append({"config": known, "values": list(found.values())})
        return found


def main() -> None:
    """Run SMAC twice in an empty folder and keep what it wrote."""
    print("smac", version("smac"))
    with TemporaryDirectory() as folder:
        os.chdir(folder)  # so that the scenario names no folder of this machine
        common = {"output_directory": Path("out"), "n_trials": 24, "n_workers": 1}
        mf, mo = Target(), Target()
        scenario = Scenario(space(), name="mf", seed=5, min_budget=1, max_budget=9, crash_cost=5.0, **common)
        MultiFidelityFacade(scenario, mf.mf, overwrite=True).optimize()
        scenario = Scenario(space(), name="mo", seed=6, objectives=["error", "size"], **common)
        HyperparameterOptimizationFacade(scenario, mo.mo, overwrite=True).optimize()
        for name, seed, target in (("mf", 5, mf), ("mo", 6, mo)):
            to = HERE / name / str(seed)
            to.mkdir(parents=True, exist_ok=True)
            for file in ("runhistory.json", "scenario.json"):
                written = Path("out", name, str(seed), file).read_text(encoding="utf-8")
                bare = FOLDERS.sub("", written)
                (to / file).write_text(bare, encoding="utf-8")
            (to / "told.json").write_text(json.dumps({"smac": version("smac"), "calls": target.told}, indent=0) + "\n")


if __name__ == "__main__":
    main()
