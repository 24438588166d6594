"""Write mfhartmann.json, values of mf-prior-bench's own MFHartmann without its noise, for test_mf_functions.py.

pip install --no-deps mf-prior-bench==1.10.0      # in an environment of its own, with numpy, pandas, ConfigSpace
python tests/data/make_mfhartmann.py
"""

import json
from pathlib import Path

import numpy as np
from mfpbench.synthetic.hartmann import benchmark as reference

BIASES = {"good": "Good", "moderate": "Moderate", "bad": "Bad", "terrible": "Terrible"}


def rows():
    rng = np.random.default_rng(0)
    for dim in (3, 6):
        for name, suffix in BIASES.items():
            made = getattr(reference, f"MFHartmann{dim}Benchmark{suffix}")
            bias, noise = made.mfh_bias_noise
            for z in (1, 2, 10, 50, 99, 100):
                x = rng.random(dim).tolist()
                value = made.mfh_generator_type(100, bias, 0.0, seed=1)(z, tuple(x))
                noisy = [made.mfh_generator_type(100, bias, noise, seed=s)(z, tuple(x)) for s in range(1, 401)]
                cost = made()._fidelity_cost(z)
                yield {
                    "dim": dim,
                    "bias": name,
                    "z": z,
                    "x": x,
                    "value": value,
                    "mean": float(np.mean(noisy)),
                    "cost": cost,
                }


if __name__ == "__main__":
    target = Path(__file__).with_name("mfhartmann.json")
    target.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows()) + "\n]\n")
