"""Which grids a store was asked for, so that `status` knows what is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from typing import Any

import orjson

from carps_lite import spec
from carps_lite.core import Budget
from carps_lite.plan import Plan, Request
from carps_lite.store import Store


def remember(store: Store, request: Request, made: Plan) -> None:
    """Note a grid in the store; the same grid asked for again is the same note."""
    note: dict[str, Any] = {
        "tasks": [task.id for task in request.tasks],
        "optimizers": [optimizer.id for optimizer in request.optimizers],
        "seeds": list(request.seeds),
        "budget": None if request.budget is None else str(request.budget),
        "n_workers": request.n_workers,
        "sync": request.sync,
        "overhead": request.overhead,
        "device": request.device,
        "impossible": made.impossible,
    }
    content = orjson.dumps(note, option=orjson.OPT_INDENT_2)
    folder = store.root / "grids"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{sha256(content).hexdigest()[:12]}.json").write_bytes(content)


def requests(store: Store) -> Iterator[Callable[[], Request]]:
    """The grids that were asked for, shards joined, each to be called: InputError where a task or optimizer is gone."""
    for path in sorted((store.root / "grids").glob("*.json")):
        yield partial(_request, orjson.loads(path.read_bytes()))


def _request(note: dict[str, Any]) -> Request:
    return Request(
        tasks=spec.resolve_all("tasks", note["tasks"]),
        optimizers=spec.resolve_all("optimizers", note["optimizers"]),
        seeds=note["seeds"],
        budget=None if note["budget"] is None else Budget.parse(note["budget"]),
        n_workers=note["n_workers"],
        sync=note["sync"],
        overhead=note["overhead"],
        device=note["device"],
    )
