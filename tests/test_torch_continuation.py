"""Trainings that go on from where a shorter one stopped: the same numbers, the seconds of the whole, bounded memory."""

import copy
import gc
import itertools
import pickle

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("bitsandbytes", reason="needs the extra torch")

import carps_lite as cl  # noqa: E402
from carps_lite import spec  # noqa: E402
from carps_lite.core import Budget, TrialFailed  # noqa: E402
from carps_lite.loop import Rules, Simulation  # noqa: E402
from carps_lite.tasks import torch_device, torch_trial  # noqa: E402
from carps_lite.tasks.torch_checkpoints import Checkpoint, Checkpoints  # noqa: E402
from carps_lite.tasks.torch_inner import OPTIMIZERS  # noqa: E402
from carps_lite.tasks.torch_lm import TorchLm  # noqa: E402
from carps_lite.tasks.torch_rows import TorchImages, TorchTabular  # noqa: E402
from carps_lite.tasks.torch_streams import order, windows  # noqa: E402

TIMED = ("cost", "train_seconds", "first_step_seconds", "log10_train_seconds", "continued_seconds")
GPU = ("peak_bytes", "energy_joules")
FORMATS = [(name, bits) for name, inner in OPTIMIZERS.items() for bits in inner.formats]
RULES = Rules(noisy=True, checkpoints=True, measured_cost=True)


def untimed(found):
    return {key: value for key, value in found.items() if key not in (*TIMED, *GPU)}


def lively(task, **changes):
    """The default configuration, with dropout, so that every stream of the seed is drawn from."""
    return {**task.problem.space.default, "dropout": 0.2, **changes}


def continued(task, config, levels, seed=3):
    """The answers of one object at rising fidelities; all but the first have gone on from the one before."""
    answers = [task.evaluate(config, level, seed) for level in levels]
    assert "continued_seconds" not in answers[0]
    for before, after in itertools.pairwise(answers):
        assert after["continued_seconds"] == before["train_seconds"] < after["train_seconds"]
    return answers


@pytest.mark.parametrize(("name", "bits"), FORMATS)
def test_every_optimizer_goes_on_bit_for_bit(name, bits):
    """The network has tensors above and below the smallest that is quantized, and an embedding that keeps 32 bits."""
    pytest.importorskip(OPTIMIZERS[name].formats[bits].package)
    make = lambda: TorchLm(kind="mf", steps_full=8, optimizer=name, bits=bits, embedding="stable")  # noqa: E731
    config = lively(make(), batch_size=4)
    *_, found = continued(make(), config, (1, 3, 8))
    assert untimed(found) == untimed(make().evaluate(config, 8, 3))


@pytest.mark.parametrize("make", [
    lambda: TorchImages(kind="mf", epochs=3),
    lambda: TorchImages(kind="mf", epochs=2, model="cnn", search="training", bits="8", min_8bit_size=256),
    lambda: TorchTabular(kind="momf", epochs=3, optimizer="schedulefree"),
    lambda: TorchImages(kind="mf", epochs=3, optimizer="choice", bits="choice"),
])  # fmt: skip
def test_every_family_goes_on_bit_for_bit(make):
    config = lively(make())
    full = make().axis.high
    *_, found = continued(make(), config, (1, full))
    assert untimed(found) == untimed(make().evaluate(config, full, 3))


def test_other_trials_between_change_nothing():
    task, other = TorchImages(kind="mf", epochs=3), TorchImages(kind="mf", epochs=3, bits="8")
    config = lively(task)
    task.evaluate(config, 1, 0)
    for trial in ((task, 1), (task, 2), (other, 0)):
        trial[0].evaluate(lively(trial[0], learning_rate=0.01), 2, trial[1])
    found = task.evaluate(config, 3, 0)
    assert found["continued_seconds"] > 0
    assert untimed(found) == untimed(TorchImages(kind="mf", epochs=3).evaluate(config, 3, 0))


def test_another_seed_or_configuration_or_a_lower_fidelity_starts_afresh():
    task = TorchImages(kind="mf", epochs=3)
    config = lively(task)
    task.evaluate(config, 2, 0)
    for changed, level, seed in ((config, 3, 1), (lively(task, dropout=0.1), 3, 0), (config, 2, 0), (config, 1, 0)):
        assert "continued_seconds" not in task.evaluate(changed, level, seed)
    assert "continued_seconds" in task.evaluate(config, 3, 0)
    assert "continued_seconds" not in task.evaluate(config, 3, 0)  # at its end it is let go


@pytest.mark.parametrize(("n", "batch"), [(10, 3), (9, 3), (5, 8), (4, 1)])
def test_the_order_of_rows_is_taken_up_at_any_step(n, batch):
    cpu = torch.device("cpu")
    whole = [rows.tolist() for rows in itertools.islice(order(n, batch, 7, cpu), 30)]
    for start in range(20):
        assert [rows.tolist() for rows in itertools.islice(order(n, batch, 7, cpu, start), 10)] == whole[start:][:10]


@pytest.mark.parametrize("start", [0, 1, 63, 64, 65, 128, 200])
def test_windows_are_taken_up_at_any_step(start):
    text = torch.arange(1000)
    whole = list(itertools.islice(windows(text, 8, 2, 5), start + 70))
    for one, other in zip(whole[start:], windows(text, 8, 2, 5, start), strict=False):
        assert torch.equal(one[0], other[0])
        assert torch.equal(one[1], other[1])


def test_seconds_and_the_cost_of_a_failure_count_from_the_start(monkeypatch):
    task = TorchImages(kind="mf", epochs=3)
    config = lively(task)
    task.evaluate(config, 1, 0)
    ((key, kept),) = task.checkpoints._kept.items()
    task.checkpoints._kept[key] = kept._replace(seconds=1000.0, first_step_seconds=7.0)
    found = task.evaluate(config, 2, 0)
    assert (found["continued_seconds"], found["first_step_seconds"]) == (1000.0, 7.0)
    assert 1000 < found["train_seconds"] < found["cost"] < 1100
    monkeypatch.setattr(TorchImages, "guess_loss", property(lambda self: 1e-3))
    with pytest.raises(TrialFailed, match="diverged") as caught:
        task.evaluate(config, 3, 0)
    assert 1000 < caught.value.cost < 1100

    def fails(*_):
        raise MemoryError

    monkeypatch.setattr(torch_trial, "restore", fails)
    with pytest.raises(TrialFailed, match="out_of_memory") as caught:
        task.evaluate(config, 3, 0)
    assert 1000 < caught.value.cost < 1100


def test_a_failed_training_is_not_gone_on_with(monkeypatch):
    task = TorchImages(kind="mf", epochs=3)
    with monkeypatch.context() as patch:
        patch.setattr(TorchImages, "scores", lambda *_: {"val_loss": float("nan")})
        with pytest.raises(TrialFailed, match="nan"):
            task.evaluate(lively(task), 1, 0)
    assert task.checkpoints.size == 0
    assert "continued_seconds" not in task.evaluate(lively(task), 2, 0)


def test_tasks_of_one_fidelity_keep_nothing():
    task = TorchImages(epochs=1)
    task.evaluate(lively(task), None, 0)
    assert task.checkpoints.size == 0


def point(steps, size):
    return Checkpoint(steps, 1.0, 0.1, {}, bytes(size))


def test_checkpoints_are_bounded_and_the_least_recently_used_goes():
    kept = Checkpoints(limit=100)
    for key in "abc":
        kept.keep(key, point(5, 30))
    assert kept.before("a", 6) is not None  # which makes b the one that was not used for longest
    kept.keep("d", point(5, 30))
    assert [kept.before(key, 6) is not None for key in "abcd"] == [True, False, True, True]
    kept.keep("e", point(5, 101))
    assert kept.before("e", 6) is None
    assert kept.size == 90
    kept.keep("a", point(3, 10))  # less far than what is there
    assert kept.before("a", 6).steps == 5
    kept.keep("a", point(8, 40))
    assert kept.before("a", 9).steps == 8
    assert kept.before("a", 8) is None
    kept.drop("a")
    kept.drop("a")
    assert kept.size == 60


def test_a_checkpoint_that_is_too_large_is_not_made_and_nothing_fails():
    task = TorchImages(kind="mf", epochs=2)
    task.checkpoints.limit = 1000
    task.evaluate(lively(task), 1, 0)
    assert task.checkpoints.size == 0
    found = task.evaluate(lively(task), 2, 0)
    assert untimed(found) == untimed(TorchImages(kind="mf", epochs=2).evaluate(lively(task), 2, 0))


def test_copies_start_without_checkpoints():
    task = TorchImages(kind="mf", epochs=2)
    task.evaluate(lively(task), 1, 0)
    assert task.checkpoints.size > 0
    for other in (copy.deepcopy(task), pickle.loads(pickle.dumps(task))):
        assert other == task
        assert other.checkpoints.size == 0


def simulate(known=()):
    task = TorchImages(kind="mf", epochs=9)
    optimizer = spec.make("optimizers", "asha", problem=task.problem, seed=1)
    return list(Simulation(task, optimizer, task.problem, 1, Budget(4), RULES, known))


def test_a_resumed_run_gives_the_same_values_and_is_charged_what_is_new():
    """The checkpoints of what was done before the interruption are gone, so that some trials start afresh."""
    records = simulate()
    assert sum("continued_seconds" in r.info for r in records) >= 3
    for r in records:
        total = r.info["train_seconds"]
        if "continued_seconds" in r.info:
            assert r.result.cost < total  # only what is new
        else:
            assert r.result.cost > total
    first = next(i for i, r in enumerate(records) if "continued_seconds" in r.info)
    again = simulate(records[:first])
    assert "continued_seconds" not in again[first].info
    assert [(r.trial, r.result.values, untimed(r.info)) for r in again] == [
        (r.trial, r.result.values, untimed(r.info)) for r in records
    ]
    assert again[first].result.cost < again[first].info["train_seconds"]


def test_memory_is_given_back_when_a_run_ends(tmp_path):
    cl.run("torch_images/kind:mf/epochs:3", "asha", budget=2, store=tmp_path)
    gc.collect()
    assert [o for o in gc.get_objects() if type(o) is Checkpoints and o.size] == []


def test_peak_memory_and_energy_count_from_the_start(monkeypatch):
    """With stand-ins for the counters of a GPU."""
    joules = iter((50.0, 53.0))
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda device: None)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: None)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 700)
    monkeypatch.setattr(torch_device, "_joules", lambda device: next(joules))
    meter = torch_device.Meter(torch.device("cuda"), {"peak_bytes": 900.0, "energy_joules": 10.0})
    assert meter.read() == {"peak_bytes": 900.0, "energy_joules": 13.0}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize(("name", "bits"), FORMATS)
def test_a_gpu_goes_on_bit_for_bit(name, bits):
    make = lambda: TorchLm(kind="mf", steps_full=14, optimizer=name, bits=bits, device="cuda")  # noqa: E731
    *_, found = continued(make(), lively(make()), (2, 9, 14))
    fresh = make().evaluate(lively(make()), 14, 3)
    assert untimed(found) == untimed(fresh)
    assert found["peak_bytes"] >= 0.9 * fresh["peak_bytes"]
