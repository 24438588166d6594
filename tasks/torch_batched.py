"""Many perceptrons of one architecture trained at once, each with its own hyperparameters.

Every training sees the initialisation, the order of rows and the dropout that it would see by itself; its gradients are
the same up to rounding. On a CPU as many go together as stay in its cache.

Suffix letters name axes: K trainings, E steps of an epoch, B rows of a batch, I inputs, O outputs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

import torch

from carps_lite.core import TrialFailed
from carps_lite.space import Config
from carps_lite.tasks import torch_optimizers
from carps_lite.tasks.torch_data import Part, Rows
from carps_lite.tasks.torch_device import is_out_of_memory, synchronize
from carps_lite.tasks.torch_dropout import Dropout, Masks
from carps_lite.tasks.torch_loop import CHECK_EVERY, Plan, Trained, rate, require_progress, without_first
from carps_lite.tasks.torch_perceptrons import Perceptrons, losses
from carps_lite.tasks.torch_rules import update_of
from carps_lite.tasks.torch_states import state_bytes
from carps_lite.tasks.torch_streams import order
from carps_lite.tasks.torch_training import Scores

if TYPE_CHECKING:
    from carps_lite.tasks.torch_rows import RowsTraining

CACHED_NUMBERS = 1 << 19  # 32-bit numbers, 2 MB: about what the second-level cache of one core keeps at hand
SCORED_NUMBERS = 1 << 21  # largest hidden layer of a forward pass without gradients


class Member(NamedTuple):
    """One training of a batch."""

    config: Config
    plan: Plan
    seed: int


@dataclass
class Course:
    """How one training went: its failure if any, the last training loss, scores, and how many shared its products."""

    failure: TrialFailed | None = None
    train_loss: float = 0.0
    scores: Scores = field(default_factory=dict)
    together: int = 1


class Seconds(NamedTuple):
    """What trainings took together: all steps, the first at the average of the others; the first; scoring."""

    training: float = 0.0
    first: float = 0.0
    scoring: float = 0.0


def train_many(
    task: RowsTraining, members: Sequence[Member], rows: Rows, device: torch.device
) -> list[dict[str, float] | TrialFailed]:
    """Train all members, who share architecture, batch size, optimizer and steps; answers in their order.

    Their seconds are shared out equally, whatever part they were trained in; one that fails is charged its share up to
    where that was seen.
    """
    courses, each = [], []
    for part in _parts(members, _at_once(task, members[0], device)):
        some, seconds = _trained(task, part, rows, device)
        courses += some
        each += seconds
    n = len(members)
    training, first, scoring = (sum(column) / n for column in zip(*each, strict=True))
    info = {**_sizes(task, members[0].config), "first_step_seconds": first}
    return [_answer(task, course, Trained(training, first, course.train_loss), scoring, info) for course in courses]


def _answer(
    task: RowsTraining, course: Course, trained: Trained, scoring: float, info: Scores
) -> dict[str, float] | TrialFailed:
    if course.failure is not None:
        return course.failure
    try:
        return task.answer(trained, course.scores, scoring, {**info, "trained_together": float(course.together)})
    except TrialFailed as failure:
        return failure


def _at_once(task: RowsTraining, member: Member, device: torch.device) -> int:
    """Trainings whose parameters, state and layers of one batch fit in the cache of a core; on a GPU no limit."""
    if device.type != "cpu":
        return 1 << 30
    config, n_in, n_out = member.config, math.prod(task.source.shape), task.source.classes or 1
    width, depth, batch = (int(config[name]) for name in ("width", "depth", "batch_size"))
    parameters = n_in * width + (depth - 1) * width**2 + width * n_out
    return max(1, CACHED_NUMBERS // (4 * parameters + batch * (n_in + 3 * depth * width)))


def _parts(members: Sequence[Member], largest: int) -> Iterator[Sequence[Member]]:
    """Parts of at most `largest` members, whose sizes differ by one at most."""
    n, parts = len(members), -(-len(members) // largest)
    for start, end in pairwise(n * i // parts for i in range(parts + 1)):
        yield members[start:end]


def _trained(
    task: RowsTraining, members: Sequence[Member], rows: Rows, device: torch.device
) -> tuple[list[Course], list[Seconds]]:
    """Train a part, or its halves where memory does not suffice for the whole."""
    begin = perf_counter()
    try:
        courses, seconds = _train(task, members, rows, device)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    else:
        return courses, [seconds]
    if device.type == "cuda":
        torch.cuda.empty_cache()
    lost = perf_counter() - begin
    if len(members) == 1:
        return [Course(TrialFailed("out_of_memory", cost=lost))], [Seconds()]
    middle = len(members) // 2
    halves = [_trained(task, some, rows, device) for some in (members[:middle], members[middle:])]
    return [c for half, _ in halves for c in half], [s for _, each in halves for s in each]


def _train(
    task: RowsTraining, members: Sequence[Member], rows: Rows, device: torch.device
) -> tuple[list[Course], Seconds]:
    """Train and score."""
    networks, masks = _built(task, members, rows.train)
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    stack = Perceptrons(networks, str(members[0].config.get("activation", "relu")), device, dtype)
    courses = [Course(together=len(members)) for _ in members]
    with torch.inference_mode():
        training, first = _fit(task, stack, members, masks, rows.train, courses)
        begin = perf_counter()
        _score(task, stack, rows, courses)
    return courses, Seconds(training, first, perf_counter() - begin)


def _built(task: RowsTraining, members: Sequence[Member], part: Part) -> tuple[list[torch.nn.Module], Masks | None]:
    """The networks, initialised by their seeds, and their dropout if there is any."""
    networks, dropouts = [], []
    for member in members:
        torch.manual_seed(member.seed)
        networks.append(task.network(member.config, member.seed))
        dropouts.append(next(m for m in networks[-1].modules() if isinstance(m, Dropout)))
    if not any(one.p for one in dropouts):
        return networks, None
    batch = min(int(members[0].config["batch_size"]), len(part.y))
    hidden = [(batch, int(members[0].config["width"]))] * int(members[0].config["depth"])
    return networks, Masks(hidden, [one.p for one in dropouts], [one.generator for one in dropouts])


def _fit(
    task: RowsTraining,
    stack: Perceptrons,
    members: Sequence[Member],
    masks: Masks | None,
    part: Part,
    courses: Sequence[Course],
) -> tuple[float, float]:
    """Seconds of all steps and of the first; notes last losses and failures, and stops where all have failed."""
    plan, device, n = members[0].plan, part.y.device, len(members)
    update, columns = update_of(_choices(task, members)[0].name, [stack.parameters_KP]), _columns(task, members, device)
    rates_SK = _rates(members).to(device)
    batches = _batches([order(len(part.y), int(m.config["batch_size"]), m.seed, device) for m in members], part, plan)
    began = begin = perf_counter()
    step = -1
    for step, rows_KB in zip(range(plan.steps), batches, strict=False):
        x_KBI = part.x.index_select(0, rows_KB.flatten()).view(*rows_KB.shape, -1)
        targets_KB = part.y[rows_KB]
        outputs_KOB = stack.step(x_KBI, targets_KB, masks)
        update([stack.gradients_KP], {**columns, "lr": columns["lr"] * rates_SK[step]}, step + 1)
        if step == 0:
            synchronize(device)
            begin = perf_counter()
        if (step + 1) % CHECK_EVERY == 0 or step + 1 == plan.steps:
            losses_K = losses(outputs_KOB, targets_KB).tolist()
            _note(courses, losses_K, step, plan.guess_loss, (perf_counter() - began) / n)
            if all(course.failure for course in courses):
                break
    synchronize(device)
    first = begin - began
    return without_first(perf_counter() - begin, first, step + 1), first


def _note(courses: Sequence[Course], losses_K: Sequence[float], step: int, guess_loss: float, seconds: float) -> None:
    for course, loss in zip(courses, losses_K, strict=True):
        if course.failure is None:
            course.train_loss = loss
            try:
                require_progress(loss, step, guess_loss, seconds)
            except TrialFailed as failure:
                course.failure = failure


def _batches(orders: Sequence[Iterator[torch.Tensor]], part: Part, plan: Plan) -> Iterator[torch.Tensor]:
    """Row numbers of all trainings for step after step, shape (K, B); an epoch at a time is drawn."""
    first = [next(one) for one in orders]
    yield torch.stack(first)
    per_epoch = len(part.y) // len(first[0])
    while True:
        drawn = torch.stack([next(one) for _ in range(per_epoch) for one in orders])
        yield from drawn.unflatten(0, (per_epoch, -1))


def _score(task: RowsTraining, stack: Perceptrons, rows: Rows, courses: Sequence[Course]) -> None:
    for prefix, part in (("val", rows.validation), ("test", rows.test)):
        outputs_KOB = _outputs(stack, part)
        for course, outputs_OB in zip(courses, outputs_KOB, strict=True):
            if course.failure is None:
                judged = task.judge(outputs_OB.t().contiguous(), part)
                course.scores |= {f"{prefix}_{name}": value for name, value in judged.items()}


def _outputs(stack: Perceptrons, part: Part) -> torch.Tensor:
    """Shape (K, O, rows)."""
    k, widest = len(stack.parameters_KP), max(*stack.widths, part.x.shape[1])
    parts = part.x.split(max(1, SCORED_NUMBERS // (k * widest)))
    return torch.cat([stack.outputs(x.expand(k, *x.shape)) for x in parts], dim=2)


def _rates(members: Sequence[Member]) -> torch.Tensor:
    """Factors of the learning rates, shape (steps, K)."""
    steps = range(members[0].plan.steps)
    return torch.tensor([[rate(i, m.plan) for m in members] for i in steps], dtype=torch.float64)


def _choices(task: RowsTraining, members: Sequence[Member]) -> list[torch_optimizers.Chosen]:
    return [torch_optimizers.chosen(m.config, task.optimizer, task.bits) for m in members]


def _columns(task: RowsTraining, members: Sequence[Member], device: torch.device) -> dict[str, torch.Tensor]:
    """Hyperparameters by name, each of shape (K,), in 64 bits."""
    rows: list[dict[str, float]] = []
    for choice in _choices(task, members):
        given = torch_optimizers.arguments(choice.hyper)
        betas = given.pop("betas", ())
        rows.append({**given, **{f"beta{i}": beta for i, beta in enumerate(betas, 1)}})
    return {name: torch.tensor([row[name] for row in rows], dtype=torch.float64, device=device) for name in rows[0]}


def _sizes(task: RowsTraining, config: Config) -> Scores:
    """Parameters of one such network, and what its optimizer holds, counted after one step without gradient."""
    model = task.network(config, 0)
    optimizers = torch_optimizers.make(torch_optimizers.chosen(config, task.optimizer, task.bits), model)
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    for optimizer in optimizers:
        optimizer.step()
    parameters = sum(p.numel() for p in model.parameters())
    return {"parameters": float(parameters), "state_bytes": float(state_bytes(optimizers))}
