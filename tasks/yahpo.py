"""Surrogates of recorded hyperparameter tuning: the 14 scenarios of YAHPO Gym that share one file format.

Pfisterer, Schneider, Moosbauer, Binder, Bischl (2022), YAHPO Gym: An Efficient Multi-Objective Multi-Fidelity Benchmark
for Hyperparameter Optimization, AutoML-Conf, arXiv:2109.03670. The data are a checkout of the repository yahpo_data
(slds-lmu, Apache-2.0), version 1.0.2; see `yahpo_data.data_folder` for where it may lie.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from carps_lite.core import KINDS, Fidelity, Problem
from carps_lite.errors import InputError, nearest
from carps_lite.space import Config, Space, Value
from carps_lite.tasks.yahpo_data import data_folder, extremes, locate
from carps_lite.tasks.yahpo_encoding import Row
from carps_lite.tasks.yahpo_inputs import axis_of, check_instance, complete, instances_of, tuned_space
from carps_lite.tasks.yahpo_scenarios import Objective, Scenario, scenario_named
from carps_lite.tasks.yahpo_surrogate import Surrogate, surrogate

ALL_REPEATS = 10
FILES = ("config_space.json", "encoding.json", "model.onnx")


@dataclass(frozen=True)
class YAHPO:
    """One scenario on one instance (data set), of any task type.

    `kind`: bb, mf (the fidelity is `epoch` or `trainsize`), mo or momf. `objectives`: by their own names or by those of
    the outputs behind them; none means what the suites of YAHPO Gym use. Everything is minimised: outputs that are
    better when larger become 1 - output (1 - output / 100 where it is in percent), so `acc` is the objective `error`.
    rbv2's `f1` counts among them, although yahpo_gym lists it as minimised; it is meaningful on data of two classes and
    about 0 on others. rbv2's `memory` is near 0, or below, for many boosted models (issue 73 of yahpo_gym).

    `repl` (rbv2 only) is the number of resampling iterations behind each value, 1 to 10. `data` names the data folder.

    The cost of a trial is the surrogate's training time in seconds, as it is but for negative values, which become 0.
    It need not grow with the fidelity. All other outputs, the test scores of lcbench among them, go to the record.
    The reference point is, for each objective, its worst value among the extremes of this instance in
    global_statistics. There is no known optimum.

    Raises InputError on a wrong option, where `problem` is asked for on an unknown instance, and where a file is
    missing, damaged or of another version.
    """

    scenario: str = "lcbench"
    instance: str = "167168"
    kind: str = "bb"
    objectives: str | Sequence[str] = ()
    repl: int = ALL_REPEATS
    data: str | None = None

    def __post_init__(self) -> None:
        scenario = self._scenario
        object.__setattr__(self, "instance", str(self.instance))  # they look like numbers
        if self.kind not in KINDS:
            raise InputError(f"yahpo: no kind {self.kind!r}{nearest(self.kind, KINDS)}")
        several = "mo" in self.kind
        if several != (len(self._objectives) > 1):
            names = ", ".join(o.name for o in self._objectives)
            needed = "two or more objectives" if several else "one objective"
            raise InputError(f"yahpo: kind {self.kind} needs {needed}, got {names}")
        if isinstance(self.repl, bool) or not isinstance(self.repl, int) or not 1 <= self.repl <= ALL_REPEATS:
            raise InputError(f"yahpo: repl must be 1 to {ALL_REPEATS}, got {self.repl!r}")
        if scenario.repeats is None and self.repl != ALL_REPEATS:
            raise InputError(f"yahpo: only the scenarios rbv2_* have repl; {scenario.name} has not")

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the options alone; the surrogate is loaded where it is needed."""
        return type(self), (self.scenario, self.instance, self.kind, self.objectives, self.repl, self.data)

    @cached_property
    def problem(self) -> Problem:
        """The scenario's space less instance and fidelities; checks that the surrogate is there and whole."""
        folder, scenario = self._folder, self._scenario
        for name in FILES:
            locate(folder, f"{scenario.name}/{name}")
        check_instance(scenario, folder, self.instance)
        return Problem(
            tuned_space(scenario, folder),
            tuple(o.name for o in self._objectives),
            fidelity=self._axis if "mf" in self.kind else None,
            reference=self._worst if "mo" in self.kind else None,
        )

    def evaluate(self, config: Config, fidelity: float | None, seed: int) -> dict[str, float]:
        """Return the objectives, `cost` in seconds and all other outputs; `seed` changes nothing.

        Raises InputError for a configuration or a fidelity that is not legal.
        """
        return self._answer(self._surrogate.run([self._encoded(config, fidelity)])[0])

    def evaluate_many(
        self, configs: Sequence[Config], fidelities: Sequence[float | None], seeds: Sequence[int]
    ) -> list[dict[str, float]]:
        """Evaluate n configurations in one call, some ten times faster; values agree with single ones in 32 bits."""
        if not configs:
            return []
        rows = [self._encoded(config, fidelity) for config, fidelity in zip(configs, fidelities, strict=True)]
        return [self._answer(row) for row in self._surrogate.run(rows)]

    @cached_property
    def _scenario(self) -> Scenario:
        return scenario_named(self.scenario)

    @cached_property
    def _objectives(self) -> tuple[Objective, ...]:
        if not self.objectives:
            usual = self._scenario.usual
            return self._scenario.choose(usual if "mo" in self.kind else usual[:1])
        return self._scenario.choose([self.objectives] if isinstance(self.objectives, str) else self.objectives)

    @cached_property
    def _folder(self) -> Path:
        return data_folder(self.data)

    @cached_property
    def _surrogate(self) -> Surrogate:
        return surrogate(self._scenario, self._folder)

    @cached_property
    def _fixed(self) -> Config:
        """The inputs that are options of the task, and the full fidelity."""
        scenario = self._scenario
        fixed: Config = {scenario.fidelity: self._axis.high}
        if scenario.instance is not None:
            fixed[scenario.instance] = self.instance
        if scenario.repeats is not None:
            fixed[scenario.repeats] = self.repl
        return fixed

    @cached_property
    def _axis(self) -> Fidelity:
        return axis_of(self._scenario, self._folder)

    @property
    def _worst(self) -> tuple[float, ...]:
        recorded = extremes(self._folder, self._scenario.name, self.instance)
        return tuple(max(map(o.of, recorded[o.output])) for o in self._objectives)

    def _encoded(self, config: Config, fidelity: float | None) -> Row:
        inputs = config | self._fixed
        if len(inputs) < len(config) + len(self._fixed):
            also = ", ".join(name for name in config if name in self._fixed)
            raise InputError(f"yahpo {self.scenario}: {also} is set by the task, and the configuration names it too")
        if fidelity is not None:
            axis = self._axis
            if not axis.low <= fidelity <= axis.high or (axis.integer and fidelity != int(fidelity)):
                raise InputError(
                    f"yahpo {self.scenario}: {axis.name} must be {axis.low} to {axis.high}, got {fidelity}"
                )
            inputs[axis.name] = int(fidelity) if axis.integer else fidelity
        return self._surrogate.encode(inputs)

    def _answer(self, outputs: list[float]) -> dict[str, float]:
        scenario = self._scenario
        answer = dict(zip(scenario.outputs, outputs, strict=True))
        answer["cost"] = max(0.0, answer[scenario.runtime])
        for objective in self._objectives:
            answer[objective.name] = objective.of(outputs[objective.index])
        return answer


def predict(scenario: str, config: Mapping[str, Value], data: str | None = None) -> dict[str, float]:
    """The raw outputs of a surrogate for one configuration, which names the instance; fidelities left out are full.

    Raises InputError on an unknown scenario, a configuration that is not legal, and data that are missing or damaged.
    """
    return predict_many(scenario, [config], data)[0]


def predict_many(
    scenario: str, configs: Sequence[Mapping[str, Value]], data: str | None = None
) -> list[dict[str, float]]:
    """The same for n configurations in one call, equal to single ones within 32-bit arithmetic."""
    known, folder = scenario_named(scenario), data_folder(data)
    if not configs:
        return []
    model = surrogate(known, folder)
    folder = model.folder  # the same object each time, whose hash is known
    rows = model.run([model.encode(complete(known, folder, config)) for config in configs])
    return [dict(zip(known.outputs, row, strict=True)) for row in rows]


def search_space(scenario: str, data: str | None = None) -> Space:
    """What there is to tune in a scenario: its space less instance and fidelities; the surrogate need not be there."""
    return tuned_space(scenario_named(scenario), data_folder(data))


def instances(scenario: str, data: str | None = None) -> tuple[str, ...]:
    """The data sets of a scenario by their OpenML numbers: of tasks for lcbench, of data sets for rbv2 and iaml."""
    return tuple(instances_of(scenario_named(scenario), data_folder(data)))
