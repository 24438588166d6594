"""The 14 scenarios of YAHPO Gym: what goes into each surrogate, in which order, and what comes out.

Pfisterer, Schneider, Moosbauer, Binder, Bischl (2022), YAHPO Gym: An Efficient Multi-Objective Multi-Fidelity Benchmark
for Hyperparameter Optimization, AutoML-Conf, arXiv:2109.03670. The order of inputs and outputs stands in no file of
yahpo_data; it is that of yahpo_gym 1.0.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from carps_lite.errors import InputError, nearest

# Outputs that are better when larger: the objective made of each, 1 - output / scale, and the scale. This goes by the
# meaning of the outputs, not by the list in yahpo_gym, which has rbv2's `f1` among the outputs to be minimised.
LARGER_IS_BETTER = {
    "acc": ("error", 1.0),
    "bac": ("balanced_error", 1.0),
    "auc": ("one_minus_auc", 1.0),
    "f1": ("one_minus_f1", 1.0),
    "val_accuracy": ("val_error", 100.0),  # recorded in percent
    "val_balanced_accuracy": ("val_balanced_error", 1.0),
}
HELD_OUT = ("test_cross_entropy", "test_balanced_accuracy")  # recorded with a trial, never an objective


@dataclass(frozen=True)
class Objective:
    """A quantity to minimise: `output` number `index` as it is, or 1 - output / scale where larger is better."""

    name: str
    output: str
    index: int
    scale: float | None

    def of(self, output: float) -> float:
        """The objective's value, given the surrogate's output."""
        return output if self.scale is None else 1.0 - output / self.scale


@dataclass(frozen=True, eq=False)  # one object each, compared and hashed as such
class Scenario:
    """Inputs and outputs of one surrogate, in its order, and which of them play a special part."""

    name: str
    categorical: tuple[str, ...]
    continuous: tuple[str, ...]
    outputs: tuple[str, ...]
    instance: str | None  # the input that names the data set; None where there is one data set only
    fidelity: str
    runtime: str  # the output that is the training time in seconds
    usual: tuple[str, ...]  # objectives of the suites that came with YAHPO Gym; the first alone where one is asked for
    repeats: str | None = None  # a second fidelity: the number of resampling iterations

    @property
    def objectives(self) -> dict[str, Objective]:
        """All possible objectives by name."""
        found = {}
        for index, output in enumerate(self.outputs):
            if output not in HELD_OUT:
                name, scale = LARGER_IS_BETTER.get(output, (output, None))
                found[name] = Objective(name, output, index, scale)
        return found

    def choose(self, names: Sequence[str]) -> tuple[Objective, ...]:
        """Find objectives by their own names or by those of the outputs behind them. Raises InputError."""
        possible = self.objectives
        by_name = {o.output: o for o in possible.values()} | possible
        chosen = []
        for name in names:
            if name in self.outputs and name in HELD_OUT:
                raise InputError(f"yahpo {self.name}: {name} is held out: it is recorded and cannot be an objective")
            if name not in by_name:
                raise InputError(f"yahpo {self.name}: no objective {name!r}{nearest(name, by_name)}")
            chosen.append(by_name[name])
        if len(set(chosen)) < len(chosen):
            raise InputError(f"yahpo {self.name}: objectives name {'@'.join(names)}, one of them twice")
        return tuple(chosen)


def _rbv2(learner: str, categorical: str, continuous: str) -> Scenario:
    """A learner of the random bot data, version 2 (Binder, Pfisterer, Bischl 2020)."""
    return Scenario(
        f"rbv2_{learner}",
        ("task_id", *categorical.split(), "num.impute.selected.cpo"),
        (*continuous.split(), "trainsize", "repl"),
        ("acc", "bac", "auc", "brier", "f1", "logloss", "timetrain", "timepredict", "memory"),
        instance="task_id",
        fidelity="trainsize",
        runtime="timetrain",
        usual=("error", "memory"),
        repeats="repl",
    )


def _iaml(learner: str, categorical: str, continuous: str, usual: str = "mmce nf ias") -> Scenario:
    """A learner of the data on interpretable models."""
    outputs = "mmce f1 auc logloss ramtrain rammodel rampredict timetrain timepredict mec ias nf"
    return Scenario(
        f"iaml_{learner}",
        ("task_id", *categorical.split()),
        (*continuous.split(), "trainsize"),
        tuple(outputs.split()),
        instance="task_id",
        fidelity="trainsize",
        runtime="timetrain",
        usual=tuple(usual.split()),
    )


def _prefixed(prefix: str, names: str) -> str:
    return " ".join(f"{prefix}.{name}" for name in names.split())


_XGBOOST = (
    "nrounds eta gamma lambda alpha subsample max_depth min_child_weight colsample_bytree colsample_bylevel "
    "rate_drop skip_drop"
)
_RPART = "cp maxdepth minbucket minsplit"
_GLMNET = "alpha s"
_AKNN = "k M ef ef_construction"
_SVM = "cost gamma tolerance degree"
_RANGER = "num.trees sample.fraction mtry.{} min.node.size num.random.splits"

_RBV2_SUPER = _rbv2(
    "super",
    "learner_id svm.kernel ranger.respect.unordered.factors ranger.splitrule aknn.distance xgboost.booster",
    " ".join(
        _prefixed(learner, names)
        for learner, names in {
            "svm": _SVM,
            "glmnet": _GLMNET,
            "rpart": _RPART,
            "ranger": _RANGER.format("power"),
            "aknn": _AKNN,
            "xgboost": _XGBOOST,
        }.items()
    ),
)
_IAML_SUPER = _iaml(
    "super",
    "learner ranger.replace ranger.respect.unordered.factors ranger.splitrule xgboost.booster",
    " ".join(
        _prefixed(learner, names)
        for learner, names in {
            "ranger": _RANGER.format("ratio"),
            "rpart": _RPART,
            "glmnet": _GLMNET,
            "xgboost": _XGBOOST,
        }.items()
    ),
)
_LCBENCH = Scenario(
    "lcbench",
    ("OpenML_task_id",),
    ("epoch", "batch_size", "learning_rate", "momentum", "weight_decay", "num_layers", "max_units", "max_dropout"),
    ("time", "val_accuracy", "val_cross_entropy", "val_balanced_accuracy", *HELD_OUT),
    instance="OpenML_task_id",
    fidelity="epoch",
    runtime="time",
    usual=("val_error", "val_cross_entropy"),
)
_DARTS = "NetworkSelectorDatasetInfo_COLON_darts_COLON_"
_NB301 = Scenario(
    "nb301",
    (
        *(f"{_DARTS}edge_{cell}_{i}" for cell in ("normal", "reduce") for i in range(14)),
        *(f"{_DARTS}inputs_node_{cell}_{i}" for cell in ("normal", "reduce") for i in (3, 4, 5)),
    ),
    ("epoch",),
    ("val_accuracy", "runtime"),
    instance=None,
    fidelity="epoch",
    runtime="runtime",
    usual=("val_error", "runtime"),
)
_ALL = (
    _iaml("glmnet", "", _GLMNET, usual="mmce nf"),
    _iaml("ranger", "replace respect.unordered.factors splitrule", _RANGER.format("ratio")),
    _iaml("rpart", "", _RPART),
    _IAML_SUPER,
    _iaml("xgboost", "booster", _XGBOOST),
    _LCBENCH,
    _NB301,
    _rbv2("aknn", "distance", _AKNN),
    _rbv2("glmnet", "", _GLMNET),
    _rbv2("ranger", "respect.unordered.factors splitrule", _RANGER.format("power")),
    _rbv2("rpart", "", _RPART),
    _RBV2_SUPER,
    _rbv2("svm", "kernel", _SVM),
    _rbv2("xgboost", "booster", _XGBOOST),
)
SCENARIOS = {scenario.name: scenario for scenario in _ALL}
ONLY_INSTANCE = "CIFAR10"  # of nb301


def scenario_named(name: str) -> Scenario:
    """Look a scenario up. Raises InputError, with the nearest match, where there is none."""
    if name not in SCENARIOS:
        raise InputError(f"yahpo: no scenario {name!r}{nearest(name, SCENARIOS)}")
    return SCENARIOS[name]
