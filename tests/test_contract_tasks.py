"""Every task of configs/tasks, at its defaults, against the public contract."""

from functools import partial

import pytest

from carps_lite import spec
from carps_lite.errors import InputError
from carps_lite.testing import check_task


def lacks_data(resolved):
    """Why a family whose data are brought apart cannot be checked here, None where they are there."""
    try:
        _ = spec.build(resolved).problem
    except InputError as error:
        if str(error).startswith("no data for "):
            return str(error)
    except Exception:  # the checks below say what is wrong with it
        return None
    return None


def cases():
    for name in spec.names("tasks"):
        resolved = spec.resolve("tasks", name)
        missing = spec.unavailable(resolved) or lacks_data(resolved)
        if missing:
            yield pytest.param(None, id=name, marks=pytest.mark.skip(reason=missing))
            continue
        # a task whose cost is measured trains something: few points
        n_points = 3 if resolved.meta.get("cost") == "measured" else 32
        for variant in ("", *resolved.meta.get("variants", ())):
            one = spec.resolve("tasks", f"{name}/{variant}".rstrip("/"))
            for check_name, check in check_task(partial(spec.build, one), one.meta, n_points):
                yield pytest.param(check, id=f"{one.id}-{check_name}")


@pytest.mark.parametrize("check", list(cases()))
def test_task_keeps_the_contract(check):
    check()


@pytest.mark.parametrize("name", spec.names("tasks"))
def test_metadata_is_complete(name):
    resolved = spec.resolve("tasks", name)
    meta = resolved.meta
    expected = {"summary", "kinds", "identity", "group", "deterministic", "noisy", "cost", "checkpoints", "budget"}
    assert expected | {"version", "libraries", "source", "licence"} <= set(meta)
    assert set(meta["identity"]) <= set(resolved.options)
    assert meta["cost"] in ("evaluations", "recorded", "measured")
    assert meta["group"].format(**resolved.options)
    assert isinstance(meta["version"], int)
    assert meta["version"] >= 1
