# A task of your own: any class with `problem` and `evaluate`. Run it from the folder of this file:
#
#     carps-lite run task=my_task.MyTask optimizer=random
#     carps-lite run task=my_task.MyTask/peak:5.0 optimizer=random,tpe seeds=3 budget=30
#
# The arguments of the constructor are the options of its spec. `evaluate` returns every objective, smaller being
# better, and may add `cost` in seconds and anything else worth keeping. An exception, nan or inf is a failed trial.

from carps_lite.core import Problem
from carps_lite.space import Float, Int, Space


class MyTask:
    def __init__(self, peak=3.0):
        self.peak = peak
        self.problem = Problem(Space({"x": Float(0, 10), "n": Int(1, 64, log=True)}), objectives=("loss",))

    def evaluate(self, config, fidelity, seed):
        return {"loss": (config["x"] - self.peak) ** 2 + abs(config["n"] - 8) / 8}
