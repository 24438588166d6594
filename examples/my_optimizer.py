"""An optimizer of one's own in 15 lines: the (1+1) evolution strategy with the 1/5 success rule, in the unit cube.

Each child is the parent plus a normal step; a better child takes its place. Success widens the step and failure
narrows it, so that one success in five keeps it (Rechenberg 1973; as in Kern et al. 2004, Natural Computing 3:77-112).

Run it from this folder, against random search on three BBOB functions (needs carps-lite[bbob]):

    carps-lite run task=bbob/fid:1..3 optimizer=my_optimizer.MyOptimizer,random
    carps-lite check optimizer my_optimizer.MyOptimizer
"""

import numpy as np

from carps_lite.core import Trial


class MyOptimizer:
    meta = {"kinds": ["bb", "mf"], "constraints": False, "deterministic": True}

    def __init__(self, problem, seed, sigma=0.2):
        self.space, self.rng, self.sigma = problem.space, np.random.default_rng(seed), sigma
        self.parent, self.best = self.rng.random(len(problem.space)), np.inf

    def ask(self):
        child = np.clip(self.parent + self.sigma * self.rng.standard_normal(len(self.space)), 0, 1)
        return Trial(self.space.decode(child), token=child)

    def tell(self, trial, result):
        better = result.ok and result.values[0] <= self.best
        self.sigma *= 1.5 if better else 1.5**-0.25
        if better:
            self.parent, self.best = trial.token, result.values[0]
