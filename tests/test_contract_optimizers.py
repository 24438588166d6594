"""Every optimizer of configs/optimizers, and every variant its metadata lists, against the public contract."""

from functools import partial

import pytest

from carps_lite import spec
from carps_lite.testing import check_optimizer

# A GP costs up to a second a trial in the mixed spaces of the checks: few trials, of which half reach the model.
REDUCED = {"gp": ("n_startup_trials:3", 5)}


def cases():
    for name in spec.names("optimizers"):
        resolved = spec.resolve("optimizers", name)
        missing = spec.unavailable(resolved)
        if missing:
            yield pytest.param(None, id=name, marks=pytest.mark.skip(reason=missing))
            continue
        options, n_trials = REDUCED.get(name, ("", 25))
        for variant in (options, *resolved.meta.get("variants", ())):
            one = spec.resolve("optimizers", f"{name}/{variant}".rstrip("/"))
            make = partial(build, one)
            for check_name, check in check_optimizer(make, one.meta, n_trials):
                yield pytest.param(check, id=f"{one.id}-{check_name}")


def build(resolved, problem, seed):
    return spec.build(resolved, problem=problem, seed=seed)


@pytest.mark.parametrize("check", list(cases()))
def test_optimizer_keeps_the_contract(check):
    check()


@pytest.mark.parametrize("name", spec.names("optimizers"))
def test_metadata_is_complete(name):
    meta = spec.meta("optimizers", name)
    expected = {"summary", "kinds", "parameters", "conditions", "constraints", "uses_budget", "deterministic"}
    assert expected | {"version", "libraries", "citation"} <= set(meta)
    assert isinstance(meta["version"], int)
    assert meta["version"] >= 1
