"""Do 8-bit optimizer states keep 32-bit results at the same hyperparameters, and does the best configuration move?

Trains the same random configurations with the same seeds in every format of the optimizer's state and writes a page,
`parity.md` and CSV files. The defaults take about a minute; what is done already is kept, so that more configurations,
seeds or formats only add to it. Needs carps-lite[torch].

    python 03_eight_bit_parity.py
    python 03_eight_bit_parity.py --configs 20 --seeds 3 --processes 2 \\
        --tasks torch_lm/text:shakespeare/size:0.1/steps_full:200,torch_images
    python 03_eight_bit_parity.py --device cuda --largest        # larger sizes, and what fits into the GPU's memory
"""

import argparse
import json
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

import carps_lite as cl
from carps_lite import spec
from carps_lite.analysis.parity import page, summary, timing
from carps_lite.analysis.parity.differences import ROPE
from carps_lite.analysis.parity.largest import largest
from carps_lite.analysis.parity.observations import observe
from carps_lite.cli import main as carps
from carps_lite.errors import InputError, MissingDependency, unknown
from carps_lite.libraries import installed_version
from carps_lite.tasks import torch_device, torch_optimizers

DESIGN = "carps_lite.analysis.parity.design.Design"
TASKS = {
    "cpu": "torch_images/epochs:9,torch_lm",
    "cuda": "torch_lm/text:shakespeare/size:51/steps_full:1000,torch_images/model:cnn/dataset:mnist5k",
}
CONFIGS, SEEDS = {"cpu": 4, "cuda": 12}, {"cpu": 2, "cuda": 3}
FORMATS = "32,8,linear8,4,fp8"
WIDTH, CONTEXT = 2048, 256  # of the models that `--largest` tries: 50 million parameters a layer
MOST_LAYERS = 4096


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--configs", type=int, help="random configurations (4; on a GPU 12)")
    parser.add_argument("--seeds", type=int, help="seeds of the training (2; on a GPU 3)")
    parser.add_argument("--formats", default=FORMATS, help=f"formats of the state, 32 among them ({FORMATS})")
    parser.add_argument("--tasks", help="task specs, without bits and search")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N (cpu)")
    parser.add_argument("--processes", type=int, default=1, help="trainings at a time (1); 0: in this process")
    parser.add_argument("--rounds", type=int, default=2, help="rounds of the timing; 0: no timing (2)")
    parser.add_argument("--rope", type=float, default=ROPE, help=f"practical equivalence, in seed SDs ({ROPE})")
    parser.add_argument("--largest", action="store_true", help="also the largest model that fits into the GPU's memory")
    parser.add_argument("--out", type=Path, default=Path("parity"), help="folder of the results (parity)")
    return parser.parse_args(given)


def settle(args: argparse.Namespace) -> None:
    """Fill in what depends on the device, and refuse what cannot be, before anything is trained."""
    if installed_version("torch") is None:
        raise MissingDependency("the parity study needs torch: pip install 'carps-lite[torch]'")
    kind = torch_device.check("--device", args.device).partition(":")[0]
    args.configs, args.seeds = args.configs or CONFIGS[kind], args.seeds or SEEDS[kind]
    args.tasks = [task.strip() for task in (args.tasks or TASKS[kind]).split(",")]
    args.formats = list(dict.fromkeys(["32", *args.formats.split(",")]))
    for name in args.formats:
        if name not in torch_optimizers.FORMATS:
            raise unknown("--formats: no format", name, torch_optimizers.FORMATS)
    for name, low in (("configs", 1), ("seeds", 1), ("processes", 0), ("rounds", 0)):
        if getattr(args, name) < low:
            raise InputError(f"--{name} must be at least {low}, got {getattr(args, name)}")
    if args.rope < 0:
        raise InputError(f"--rope must not be negative, got {args.rope}")
    if args.largest and kind != "cuda":
        raise InputError("--largest needs a GPU's memory to fill: add --device cuda")


def specs(task: str, formats: Sequence[str], more: str = "") -> dict[str, str]:
    """The task's spec in each format: the space is the same in all of them."""
    return {name: f"{task}/search:training/bits:{name}{more}" for name in formats}


def usable(tasks: Sequence[str], formats: Sequence[str]) -> list[str]:
    """The formats that every task can be trained in; for each other one a line that says why not."""
    kept = []
    for name in formats:
        try:
            for task in tasks:
                cl.make_task(specs(task, [name])[name])
        except (MissingDependency, InputError) as error:
            if name == "32":  # without it there is nothing to compare with
                raise
            print(f"left out {name}: {error}")
        else:
            kept.append(name)
    return kept


def train(args: argparse.Namespace) -> int:
    """One grid of carps-lite: tasks × formats, one run a seed, one trial a configuration."""
    every = [name for task in args.tasks for name in specs(task, args.formats).values()]
    grid = [f"task={','.join(every)}", f"optimizer={DESIGN}", f"seeds={args.seeds}", f"budget={args.configs}trials"]
    device = [] if args.device == "cpu" else [f"device={args.device}"]
    return carps(["run", *grid, *device, f"processes={args.processes}", f"results={args.out}/store"])


def trained(args: argparse.Namespace) -> pd.DataFrame:
    """The trainings of this device in the store."""
    trials = cl.Store(args.out / "store").table()
    variant = "" if args.device == "cpu" else f"device={args.device}"
    return trials[(trials["optimizer"] == DESIGN) & (trials["variant"] == variant)]


def time_steps(args: argparse.Namespace) -> dict[str, dict[str, list[float]]]:
    """Seconds of a training by task and format; what was measured before is kept in `seconds.json`."""
    path, gpu = args.out / "seconds.json", args.device != "cpu"
    known = json.loads(path.read_text()) if path.exists() else {}
    for task in args.tasks if args.rounds else []:
        own = known.setdefault(f"{task} on {args.device}", {})
        if set(args.formats) <= set(own):
            continue
        print(f"timing {task}", flush=True)
        named = specs(task, args.formats, "/kind:mf").items()
        own |= timing.seconds({n: spec.make("tasks", s, device=args.device) for n, s in named}, args.rounds, gpu)
        path.write_text(json.dumps(known, indent=1) + "\n")
    return {task: known.get(f"{task} on {args.device}", {}) for task in args.tasks}


def largest_models(args: argparse.Namespace) -> dict[str, float]:
    """Parameters of the largest transformer that can be trained within the device's memory, by format."""
    from carps_lite.tasks.torch_capacity import fits
    from carps_lite.tasks.torch_networks import Size

    found = {}
    for name in args.formats:
        layers = largest(lambda n, bits=name: fits(Size(WIDTH, n, CONTEXT), bits, args.device), MOST_LAYERS)
        found[name] = float(Size(WIDTH, layers, CONTEXT).parameters)
        print(f"largest model with {page.label(name)}: {found[name] / 1e6:,.0f} million parameters", flush=True)
    (args.out / "largest.json").write_text(json.dumps(found, indent=1) + "\n")
    return found


def about(args: argparse.Namespace) -> dict[str, str]:
    """Where it was measured."""
    libraries = ("torch", "bitsandbytes", "torchao", "numpy", "carps-lite")
    versions = [f"{name} {found}" for name in libraries if (found := installed_version(name))]
    return {
        "device": device_name(args.device),
        "versions": f"Python {platform.python_version()}, {', '.join(versions)}",
    }


def device_name(device: str) -> str:
    if device != "cpu":
        import torch

        return torch.cuda.get_device_name(torch.device(device))
    cpuinfo = Path("/proc/cpuinfo")
    models = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
    return f"CPU {models[0] if models else platform.processor()}, one thread a training"


def study(args: argparse.Namespace) -> int:
    """Train, measure, analyse, write."""
    settle(args)
    args.formats = usable(args.tasks, args.formats)
    code = train(args)
    if code in (2, 130):
        return code
    trials, seeds, seconds = trained(args), range(args.seeds), time_steps(args)
    results = []
    for task in args.tasks:
        ids = [spec.canonical("tasks", one) for one in specs(task, args.formats).values()]
        seen = observe(trials, task, ids, args.formats, args.configs, seeds)
        results.append(summary.analyse(seen, seconds[task], args.rope))
    facts = about(args)
    if args.largest:
        sizes = largest_models(args)
        facts["largest model"] = ", ".join(f"{page.label(n)}: {size / 1e6:,.0f} million" for n, size in sizes.items())
    summary.write_csv(summary.rows(results), args.out / "summary.csv")
    summary.write_trainings(results, args.out / "trainings.csv")
    command = " ".join(["python", Path(__file__).name, *sys.argv[1:]])
    paths = page.write(results, args.out, args.rope, facts, command, args.device != "cpu")
    print(page.headline(results), *paths, sep="\n")
    return code


if __name__ == "__main__":  # the grid starts worker processes, which import this file
    try:
        sys.exit(study(arguments()))
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
