"""Recorded pretraining with its checkpoints: language models on SlimPajama and OpenCLIP on LAION-400M.

Sermaxhaj, Alipour, Sinani, Hog, Mallik, Adriaensen, Jitsev, Stoll (2026), ScAn-Bench, arXiv:2609.35707: its training
runs themselves, not its surrogates. A task is asked for a configuration and a percentage of its planned training, and
answers with the nearest recorded configuration and, of that one, the checkpoint nearest to the percentage.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, ClassVar
from zipfile import ZipFile

import numpy as np

from carps_lite import data
from carps_lite.core import Fidelity, Problem, TrialFailed
from carps_lite.errors import InputError, nearest
from carps_lite.hypervolume import nondominated
from carps_lite.space import Config, Float, Int, Space
from carps_lite.tasks.recorded import Pool, encode_all, point

if TYPE_CHECKING:
    import pandas as pd

PETAFLOP = 1e15
RUN, PERCENT, FLOPS = "config_id", "percent", "flops"  # columns of both tables, in the data folder

LLM_SPACE = Space(
    {
        "d_model": Int(256, 1600, log=True),
        "n_layers": Int(4, 30, log=True),
        "n_heads": Int(4, 40, log=True),
        "lr": Float(1e-5, 1e-2, log=True),
        "weight_decay": Float(1e-3, 0.2, log=True),
        "beta1": Float(0.8, 0.99),
        "beta2": Float(0.9, 0.999),
        "cooldown_steps": Float(0.0, 0.3),  # share of the steps
        "n_tokens": Int(200_000_000, 40_000_000_000, log=True),
    }
)
CLIP_SPACE = Space(
    {
        "vision_width": Int(32, 512, log=True),
        "text_width": Int(32, 512, log=True),
        "lr": Float(1e-5, 5e-2, log=True),
        "wd": Float(1e-6, 0.2, log=True),
        "beta1": Float(0.9, 0.99),
        "beta2": Float(0.95, 0.999),
        "eps": Float(1e-8, 1e-6, log=True),
        "warmup_fraction": Float(0.0, 0.75),
        "total_samples_planned": Int(600_000, 120_000_000, log=True),
    }
)


def extract_llm(archive: ZipFile) -> data.Arrays:
    """Take 1,193 runs with their checkpoints: parameters, percentage, losses, FLOPs.

    The percentage is taken from the steps, since five runs have `step_fraction` 1 in all rows. One run without its end
    is left out.
    """
    import pandas as pd

    with archive.open("scan_bench/llm/configs_intermediate_summary.csv") as file:
        table = pd.read_csv(file, low_memory=False)
    last = table.groupby(RUN)["eval_step"].transform("max")
    share = table["eval_step"] / table["resume_step"].fillna(last)
    table[PERCENT] = 100 * share
    table[FLOPS] = pd.to_numeric(table["total_flops"]) * share
    finished = table.groupby(RUN)[PERCENT].transform("max") >= 100 - 1e-9
    return _arrays(table[finished], (*LLM_SPACE, "valid_loss", "test_loss"))


def extract_clip(archive: ZipFile) -> data.Arrays:
    """Take 1,500 runs with the end of each epoch: parameters, percentage, losses, FLOPs, seconds from the start.

    134 runs diverged: their last row, at the point of divergence, gets no loss.
    """
    import pandas as pd

    with archive.open("scan_bench/vlm/data.csv") as file:
        table = pd.read_csv(file, low_memory=False).sort_values([RUN, "epoch"])
    table[PERCENT] = 100 * table["samples_seen_frac"]
    table[FLOPS] = 1e9 * table["compute_seen"]
    table["seconds"] = table["train_duration(s)"].groupby(table[RUN]).transform(lambda s: s.cumsum(skipna=False))
    table.loc[table["epoch_diverged"], ["val_loss", "test_loss"]] = np.nan
    table["total_samples_planned"] = table["total_samples_planned"].round().astype(int)
    return _arrays(table, (*CLIP_SPACE, "val_loss", "test_loss", "seconds"))


def _arrays(table: pd.DataFrame, columns: tuple[str, ...]) -> data.Arrays:
    """One array a column, the checkpoints of a run together and in order."""
    ordered = table.sort_values([RUN, PERCENT])
    return {name: ordered[name].to_numpy() for name in (RUN, PERCENT, FLOPS, *columns)}


@dataclass(frozen=True, eq=False)
class Family:
    """What the tasks over one table have in common."""

    name: str  # of the data, and in messages
    space: Space
    loss: str  # the objective
    others: tuple[str, ...]  # recorded with each trial and never shown to an optimizer


@dataclass(frozen=True)
class _Runs:
    """Recorded runs: where they lie in the space, and the checkpoints of each, as (percent, answer)."""

    pool: Pool
    checkpoints: list[list[tuple[float, dict[str, float]]]]


@cache
def _read(family: Family) -> _Runs:
    """Read all runs of a family, kept for the life of the process."""
    found = data.load(family.name)
    firsts = np.flatnonzero(np.diff(found[RUN], prepend=-1))
    answers: dict[str, np.ndarray] = {
        family.loss: found[family.loss],
        "exaflops": found[FLOPS] / 1e18,
        "cost": found[FLOPS] / PETAFLOP,
        **{name: found[name] for name in family.others},
    }
    rows = [dict(zip(answers, row, strict=True)) for row in zip(*(a.tolist() for a in answers.values()), strict=True)]
    points = list(zip(found[PERCENT].tolist(), rows, strict=True))
    ends = [*firsts[1:].tolist(), len(points)]
    pool = Pool(encode_all(family.space, {name: found[name][firsts] for name in family.space}))
    return _Runs(pool, [points[a:b] for a, b in zip(firsts.tolist(), ends, strict=True)])


@dataclass(frozen=True)
class _Pretraining:
    """A task over recorded runs; the families below are its only users.

    `objectives`: the validation loss, or it and `exaflops`, the training compute so far in 10^18 FLOP. Fidelity: the
    percentage of the configuration's own planned training, from `low`. Records hold `distance`, to the recorded
    configuration in the unit cube of the space, and `checkpoint`, the percentage that was recorded. The cost is the
    compute up to that checkpoint in 10^15 FLOP, so seconds at one petaFLOP/s: the runs used various machines.

    `optimum` is the least recorded loss at the end of training. The hypervolume reference is the worst of each
    objective over all checkpoints.
    """

    objectives: tuple[str, ...]
    low: int
    family: ClassVar[Family]

    def __post_init__(self) -> None:
        object.__setattr__(self, "objectives", tuple(self.objectives))
        known = (self.family.loss, "exaflops")
        for objective in self.objectives:
            if objective not in known:
                raise InputError(f"{self.family.name}: no objective {objective!r}{nearest(objective, known)}")
        if self.objectives not in ((self.family.loss,), known):
            raise InputError(
                f"{self.family.name}: objectives must be {known[0]} or {'@'.join(known)}, got {self.objectives}"
            )
        if not 1 <= self.low <= 100:
            raise InputError(f"{self.family.name}: low must be a percentage from 1 to 100, got {self.low}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the options alone; the table is read again where it is needed."""
        return type(self), (self.objectives, self.low)

    @cached_property
    def problem(self) -> Problem:
        """The sampled ranges. Raises InputError where the data are missing."""
        answers = [answer for run in self._runs.checkpoints for _, answer in run]
        worst = tuple(max(a[name] for a in answers if a[name] == a[name]) for name in self.objectives)
        reference = worst if len(self.objectives) > 1 else None
        return Problem(
            self.family.space, self.objectives, fidelity=Fidelity("percent", self.low, 100), reference=reference
        )

    @property
    def optimum(self) -> float | None:
        """The least loss at the end of training; None where there are two objectives."""
        if len(self.objectives) > 1:
            return None
        ends = (run[-1][1][self.family.loss] for run in self._runs.checkpoints)
        return min(loss for loss in ends if loss == loss)

    def pareto_front(self, n: int = 500) -> np.ndarray:
        """All points of the recorded front at the end of training, shape (m, objectives); for the analysis only."""
        ends = [[run[-1][1][name] for name in self.objectives] for run in self._runs.checkpoints]
        return nondominated(np.array([end for end in ends if not np.isnan(end).any()]))

    def evaluate(self, config: Config, fidelity: float | None, seed: int) -> dict[str, float]:
        """Return loss, compute, cost and test loss. Raises TrialFailed, with its cost, where training diverged."""
        row, distance = self._runs.pool.nearest(point(self.family.space, config, self.family.name))
        percent = 100.0 if fidelity is None else fidelity
        # of two equally far away the earlier one, but of two at one percentage the later: one run diverged right there
        checkpoints = reversed(self._runs.checkpoints[row])
        reached, answer = min(checkpoints, key=lambda checkpoint: (abs(checkpoint[0] - percent), checkpoint[0]))
        where = {"distance": distance, "checkpoint": reached}
        if answer[self.family.loss] != answer[self.family.loss]:
            raise TrialFailed("diverged", cost=answer["cost"], info=where)
        return {**answer, **where}

    @cached_property
    def _runs(self) -> _Runs:
        return _read(self.family)


@dataclass(frozen=True)
class LLMPretraining(_Pretraining):
    """Decoder-only language models of 16 million to 1 billion parameters: 9 parameters, 1,193 runs.

    Minimise `valid_loss`, as recorded; the learning rate falls only in the last `cooldown_steps` of training, so that
    losses drop near the end. Most runs have checkpoints at 50 % and 100 % alone, longer ones up to nine before the end.
    """

    objectives: tuple[str, ...] = ("valid_loss",)
    low: int = 50
    family: ClassVar[Family] = Family("llm_pretraining", LLM_SPACE, "valid_loss", ("test_loss",))


@dataclass(frozen=True)
class CLIPPretraining(_Pretraining):
    """OpenCLIP models of 2 to 103 million parameters: 9 parameters, 1,500 runs of 2 to 10 epochs.

    Minimise `val_loss`, the contrastive loss. 134 runs diverged; beyond that point their trials fail, as they did. The
    compute is as the table counts it. Recorded besides: `seconds`, where they are known, on the run's own machine.
    """

    objectives: tuple[str, ...] = ("val_loss",)
    low: int = 25
    family: ClassVar[Family] = Family("clip_pretraining", CLIP_SPACE, "val_loss", ("test_loss", "seconds"))
