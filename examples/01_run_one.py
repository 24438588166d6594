"""One run from Python: a plain function, a shipped task, and an object of one's own. Takes a few seconds."""

import carps_lite as cl

# a plain function of a configuration needs a space, and nothing else
space = cl.Space({"x": cl.Float(-5, 5), "kind": cl.Categorical(("round", "flat"))})
run = cl.run(lambda c: (c["x"] - 2) ** 2 + (c["kind"] == "flat"), "tpe", space=space, budget=40, seed=1)
print(f"the best of {len(run.records)}: {run.best.values[0]:.4f} at {run.best.config}")

# a shipped task by its spec; four simulated workers
run = cl.run("mixed", "random", budget=40, n_workers=4)
print(f"mixed: {run.best.values[0]:.4f}; the simulated clock stands at {max(r.end for r in run.records):.1f} s")

# the loop itself, for those who want to hold it in their own hands
task = cl.make_task("sphere/dim:3")
optimizer = cl.make_optimizer("cmaes", task.problem, seed=0)
best = float("inf")
for _ in range(60):
    trial = optimizer.ask()
    value = task.evaluate(trial.config, None, 0)["loss"]
    optimizer.tell(trial, cl.Result((value,)))
    best = min(best, value)
print(f"sphere by hand: {best:.4f}")
