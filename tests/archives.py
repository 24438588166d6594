"""Small wheels of made-up data, as zip files that pip takes."""

import io
import json
import pickle
import zipfile

import numpy as np


def wheel(path, files, package="toy", version="1.0"):
    """Write a wheel that holds `files`, {name: bytes or text}."""
    info = f"{package}-{version}.dist-info"
    described = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\nRequires-Dist: none==9\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (files | described).items():
            archive.writestr(name, content)
    return path


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def hpob():
    """One space of two parameters with two data sets, one of which has a configuration twice."""
    rng = np.random.default_rng(0)
    table = rng.random((40, 3)).astype(np.float32)
    table[39] = [*table[0, :2], table[0, 2] / 2]
    tables = {"5860_31": table, "5860_37": rng.random((5, 3)).astype(np.float32)}
    source = 'import torch\nSPACE_VARIABLES = {"5860": ["alpha", "lambda.na"]}\nraise SystemExit("never run")\n'
    folder = "bocode/opt_problems/hpo/"
    return {f"{folder}data/hpob_data.npz": npz(**tables), f"{folder}_hpob_base.py": source}, tables


def lcbench(n=30):
    rng = np.random.default_rng(1)
    low, high = [16, 1e-4, 0, 64, 0.1, 1, 1e-5], [512, 0.1, 1, 1024, 0.99, 4, 0.1]
    rows = rng.uniform(low, high, (n, 7)).astype(np.float32)
    rows[:, [0, 3, 5]] = rows[:, [0, 3, 5]].round()
    tables = {name: np.column_stack([rows, rng.uniform(50, 99, n).astype(np.float32)]) for name in ("adult", "car")}
    return {"bocode/opt_problems/hpo/data/lcbench_data.npz": npz(**tables)}, tables


def nasbench_graph(datasets):
    """Three architectures a data set: four gcn in a chain, four gcn beside each other, three sage in a chain."""
    numbers = {
        81111: (0.8, 0.7, 0.01, 1.5),
        1111: (np.float64(0.6), 0.5, 0.002, np.float64(0.7)),
        88444: (0.7, 0.9, 3, 2),
    }
    table = {k: dict(zip(("valid_perf", "perf", "latency", "para"), v, strict=True)) for k, v in numbers.items()}
    return {f"nas_bench_graph/light/{name}.bench": pickle.dumps(table, protocol=4) for name in datasets}, table


RANGES = {"heat": [0.0, 100.0], "time": [1.0, 3.0]}


def chemistry(datasets):
    """Two settings, the first of them measured twice."""
    files = {"search_spaces.json": json.dumps(dict.fromkeys(datasets, RANGES))}
    for name in datasets:
        files[f"{name}/feats.csv"] = "heat,time\n20.0,2.0\n80.0,1.5\n20.0,2.0\n"
        files[f"{name}/targets.csv"] = "yield\n10.0\n30.0\n14.0\n"
    return {f"olympus_surrogate_bench/data/{name}": content for name, content in files.items()}


LLM = "config_id,d_model,n_layers,n_heads,lr,weight_decay,beta1,beta2,cooldown_steps,n_tokens"
LLM_CSV = f"""{LLM},total_flops,eval_step,resume_step,step_fraction,valid_loss,test_loss
7,256,4,4,1e-4,0.01,0.9,0.95,0.1,1000000000,4e18,500,1000,0.5,3.0,3.1
7,256,4,4,1e-4,0.01,0.9,0.95,0.1,1000000000,4e18,1000,1000,1.0,2.5,2.6
2,512,8,8,1e-3,0.1,0.9,0.95,0.2,2000000000,8e18,300,1000,1.0,2.9,2.8
2,512,8,8,1e-3,0.1,0.9,0.95,0.2,2000000000,8e18,900,1000,1.0,2.4,2.3
2,512,8,8,1e-3,0.1,0.9,0.95,0.2,2000000000,8e18,1000,,1.0,2.0,2.1
3,512,8,8,2e-3,0.1,0.9,0.95,0.2,2000000000,8e18,800,1000,0.8,1.0,1.0
"""
CLIP = "config_id,epoch,vision_width,text_width,lr,wd,beta1,beta2,eps,warmup_fraction,total_samples_planned"
CLIP_CSV = f"""{CLIP},samples_seen_frac,compute_seen,train_duration(s),epoch_diverged,val_loss,test_loss
1,2,64,32,1e-3,1e-3,0.9,0.98,1e-7,0.1,1000000.0,1.0,2000000,12,False,1.5,1.6
1,1,64,32,1e-3,1e-3,0.9,0.98,1e-7,0.1,1000000.0,0.5,1000000,10,False,2.5,2.6
2,1,256,256,4e-2,1e-3,0.9,0.98,1e-7,0.1,9000000.0,0.5,5000000,30,False,3.5,3.6
2,2,256,256,4e-2,1e-3,0.9,0.98,1e-7,0.1,9000000.0,0.7,7000000,,True,5.0,5.1
"""


def scan():
    return {"scan_bench/llm/configs_intermediate_summary.csv": LLM_CSV, "scan_bench/vlm/data.csv": CLIP_CSV}
