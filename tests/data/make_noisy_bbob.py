"""Write noisy_bbob.json, quantiles of COCO's own noisy sphere at one point, for test_noisy_bbob.py.

pip install coco-experiment==2.8.2
python tests/data/make_noisy_bbob.py
"""

import json
from pathlib import Path

import cocoex
import numpy as np

FUNCTIONS = {  # of the suite bbob-noisy, the sphere in 5-D under each model and level
    101: ("gauss", "moderate"),
    102: ("uniform", "moderate"),
    103: ("cauchy", "moderate"),
    107: ("gauss", "severe"),
    108: ("uniform", "severe"),
    109: ("cauchy", "severe"),
}
OPTIMUM = 79.48  # of the sphere's first instance
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def rows():
    for number, (noise, level) in FUNCTIONS.items():
        options = f"dimensions: 5 function_indices: {number - 100} instance_indices: 1"
        problem = next(iter(cocoex.Suite("bbob-noisy", "instances: 1", options)))
        seen = np.array([problem(np.ones(5)) for _ in range(20_000)]) - OPTIMUM
        yield {"noise": noise, "level": level, "quantiles": dict(zip(LEVELS, np.quantile(seen, LEVELS), strict=True))}


if __name__ == "__main__":
    plain = cocoex.Suite("bbob", "instances: 1", "dimensions: 5 function_indices: 1")
    exact = next(iter(plain))(np.ones(5)) - OPTIMUM
    target = Path(__file__).with_name("noisy_bbob.json")
    target.write_text(json.dumps({"exact": exact, "rows": list(rows())}, indent=1) + "\n")
