"""The report's sections over random tables of results: none fails, and each says what is true of its numbers."""

import itertools
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from carps_lite import references
from carps_lite.analysis import latex, parts, summary
from carps_lite.analysis.sections import held_out, regret, targets
from carps_lite.analysis.sections.section import Table, cells
from carps_lite.analysis.selection import Choice
from carps_lite.errors import InputError

SPACE = {"x0": {"kind": "float", "low": 0.0, "high": 1.0}, "x1": {"kind": "categorical", "choices": ["a", "b"]}}
TASKS = {  # id -> kind, objectives; the references of the package hold for the first five
    "bbob/dim:2/fid:1/instance:1": ("bb", 1),
    "bbob/dim:2/fid:2/instance:1": ("bb", 1),
    "bbob/dim:5/fid:3/instance:1": ("bb", 1),
    "mfhartmann/dim:3/bias:bad/instance:0": ("mf", 1),
    "dtlz/fid:2/dim:7/objectives:3": ("mo", 3),
    "made_up/data:unknown": ("bb", 1),
    "made_up/a_name_that_is_longer_than_any_figure_has_room_for:<b>&1": ("bb", 1),
    "own/objectives:2": ("mo", 2),
    "own/fidelity:yes": ("momf", 2),
}
GROUPS = {"bbob/dim:2/fid:2/instance:1": "bbob/dim:2/fid:1/instance:1"}


def frames(seed, n_optimizers, tasks, n_seeds, n_trials, failing, missing, levels):
    """Runs and trials as a store returns them; `levels`: how many different values there are."""
    rng = np.random.default_rng(seed)
    known = references.known()
    names = ["random", *(f"opt{o}" for o in range(1, n_optimizers))]
    runs, trials = [], []
    for (o, name), task, s in itertools.product(enumerate(names), tasks, range(n_seeds)):
        if rng.random() < missing:
            continue
        kind, m = TASKS[task]
        ref = known.get(task)
        good, bad = (ref.good, ref.bad) if ref is not None and ref.good is not None and m == 1 else (0.0, 1.0)
        raw = np.round(rng.random((n_trials, m)) ** (1 + o) * levels) / levels * 1.4
        values = good + (bad - good) * raw
        top = ref.reference if ref is not None and ref.reference else (1.2,) * m
        values = raw * np.asarray(top) if m > 1 else values
        lost = rng.random(n_trials) < failing
        fidelity = np.where(rng.random(n_trials) < 0.3, 1.0, np.nan) if "mf" in kind else np.full(n_trials, np.nan)
        header = {"problem": {"fidelity": {"name": "epochs", "high": 9} if "mf" in kind else None, "space": SPACE}}
        runs.append(
            {
                "run": len(runs), "task": task, "optimizer": name, "seed": s, "n_workers": 1, "variant": "",
                "state": "failed" if rng.random() < failing else "done", "error": "crash", "n_trials": n_trials,
                "n_failed": int(lost.sum()), "spent": float(n_trials), "kind": kind,
                "objectives": [f"f{i}" for i in range(m)], "reference": (1.2,) * m if m > 1 else None,
                "optimum": 0.0 if "data" in task else np.nan, "group": GROUPS.get(task, task), "stale": False,
                "seconds": 2.0, "ask_seconds": 0.5 * o, "tell_seconds": 0.25, "header": header,
            }
        )  # fmt: skip
        step = np.arange(1.0, n_trials + 1)
        own = {"run": runs[-1]["run"], "task": task, "optimizer": name, "ask": range(n_trials), "end": step * 0.5}
        own |= {"spent": step, "fidelity": fidelity, "value": np.where(lost, np.nan, values[:, 0]), "feasible": True}
        own |= {"failure": np.where(lost, "ValueError: no", None), "ask_seconds": 0.1, "tell_seconds": 0.1}
        trials.append(pd.DataFrame(own | {"evaluate_seconds": 0.1, "values": list(values)}))
    if not runs:
        return None
    return pd.DataFrame(runs), pd.concat(trials, ignore_index=True)


WORLDS = st.builds(
    frames,
    seed=st.integers(0, 10**6),
    n_optimizers=st.integers(1, 4),
    tasks=st.lists(st.sampled_from(list(TASKS)), min_size=1, max_size=5, unique=True),
    n_seeds=st.integers(1, 3),
    n_trials=st.integers(1, 6),
    failing=st.sampled_from([0.0, 0.0, 0.3, 1.0]),
    missing=st.sampled_from([0.0, 0.0, 0.3]),
    levels=st.sampled_from([1, 3, 1000]),
)


def compared(world, **given):
    """The summary of a world, or None where there is rightly nothing to compare."""
    if world is None:
        return None
    try:
        return summary.summarise(*world, **given)
    except InputError:
        return None


@pytest.fixture(scope="module", autouse=True)
def few_resamples():
    """Intervals are the concern of other tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(regret, "RESAMPLES", 20)
        patch.setattr(targets, "RESAMPLES", 20)
        patch.setattr(summary.ranking.bootstrap, "RESAMPLES", 50)
        yield


def runs_of(s, o, t):
    """Final values of an optimizer's planned runs, infinite where lost: computed from the trials once more."""
    pool, found = s.pool, []
    for i, _ in enumerate(pool.seeds[o]):
        run = pool.run_OTS[o, t, i]
        own = s.table[s.table["run"] == run]
        if run < 0 or pool.cell_OTS[o, t, i] != 0:
            found.append(np.inf)
            continue
        own = own[own["failure"].isna() & ~(own["fidelity"] < 9) & (own["spent"] <= s.scores.budget + 1e-9)]
        found.append(own["value"].min() if len(own) else np.inf)
    return np.array(found)


def ranks_of(values_OTS):
    """Expected ranks by brute force: (O, T)."""
    n = len(values_OTS)
    ranks = np.full(values_OTS.shape[:2], 1.0)
    for a, b in itertools.permutations(range(n), 2):
        for t in range(values_OTS.shape[1]):
            x, y = (v[~np.isnan(v)] for v in (values_OTS[a, t], values_OTS[b, t]))
            ranks[a, t] += np.mean([(p > q) + 0.5 * (p == q) for p in x for q in y])
    return ranks


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(WORLDS, st.booleans())
def test_every_section_says_what_is_true(world, by_rank):
    s = compared(world, by_rank=by_rank)
    if s is None:
        return
    built = parts.assemble(s)
    by_key = {section.key: section for section in built.all}
    assert len(by_key) == len(built.all)
    assert "cite" in by_key
    assert by_key["cost"].figures[0].name == "overhead"
    names = [block.name for section in built.all for block in section.figures]
    assert len(names) == len(set(names))
    a_caption_is_right(s)
    for section in built.all:
        words = " ".join([*section.sentences, *section.answers, section.caption, *(b.how for b in section.blocks)])
        assert not re.search(r"\bnan\b|\binf\b|None|\{", words), words
        for table in section.tables:
            rows = cells(table)
            assert len(rows) == len(table.frame)
            assert not any(cell["text"] in ("nan", "inf", "None", "") for row in rows for cell in row if cell["sort"])
    assert ("how-good" in by_key) == bool(s.referenced.any() and s.successful)
    if "how-good" in by_key:
        regret_is_of_these_tasks(s, by_key["how-good"])
    if "targets" in by_key:
        runtimes_are_right(s, by_key["targets"].tables[0].frame)
    if "together" in by_key:
        the_portfolio_is_the_smallest(s, by_key["together"])
    if "kinds" in by_key:
        leaders_lead(s, by_key["kinds"])
    if "fronts" in by_key:
        fronts_count_lost_runs(s, by_key["fronts"])


def a_caption_is_right(s):
    n_tasks, planned, done = (
        len(s.pool.tasks),
        sum(len(own) for own in s.pool.seeds) * len(s.pool.tasks),
        int((s.pool.cell_OTS == 0).sum()),
    )
    assert s.caption.startswith(f"{n_tasks} task")
    assert f" {done:,} of {planned:,} runs (" in s.caption
    failed = re.search(r"\((\d+) failed: ", s.caption)
    assert (int(failed[1]) if failed else 0) == int((s.pool.cell_OTS == 1).sum())
    share = s.pool.runs["n_failed"].sum() / s.pool.runs["n_trials"].sum()
    written = re.search(r"(no|[<>\d ]+ %) (?:of )?trials? failed$", s.caption)[1]
    assert written == "no" if share == 0 else abs(float(re.search(r"\d+", written)[0]) / 100 - share) <= 0.0051


def regret_is_of_these_tasks(s, section):
    n = int(s.referenced.sum())
    assert section.sentences[0].startswith(f"Normalised regret on {n} task")
    assert section.caption.startswith(f"{n} task")
    without = len(s.pool.tasks) - n
    assert any(re.match(rf"{without} tasks? (have|has) no references", x) for x in section.sentences) == (without > 0)
    known = references.known()
    one = np.array([has and not m.several for has, m in zip(s.referenced, s.pool.measures, strict=True)])
    if one.all() and len(one) == n:  # the mean once more, from the trials
        means = []
        for o in s.order:
            own = []
            for t, task in enumerate(s.pool.tasks):
                good, bad = known[task].good, known[task].bad
                own.append(np.mean(np.minimum((runs_of(s, o, t) - good) / (bad - good), 1)))
            means.append(np.mean(own))
        assert section.tables[0].frame["mean"].to_numpy() == pytest.approx(np.array(means), abs=1e-9)


def runtimes_are_right(s, frame):
    """ERT to a regret of 0.1, from the trials once more."""
    known = references.known()
    for _, row in frame.iterrows():
        t, o = s.pool.tasks.index(row["task"]), s.pool.names.index(row["optimizer"])
        if s.pool.measures[t].several:
            continue
        good, bad = known[row["task"]].good, known[row["task"]].bad
        spent, solved = 0.0, 0
        for i, _ in enumerate(s.pool.seeds[o]):
            own = s.table[s.table["run"] == s.pool.run_OTS[o, t, i]]
            own = own[own["failure"].isna() & ~(own["fidelity"] < 9)]
            hits = own.loc[(own["value"] - good) / (bad - good) <= 0.1 + 1e-12, "spent"]
            ok = s.pool.cell_OTS[o, t, i] == 0 and len(hits) > 0 and hits.min() <= s.scores.budget
            spent, solved = spent + (hits.min() if ok else s.scores.budget), solved + ok
        assert row["runs that reached it"] == pytest.approx(solved / len(s.pool.seeds[o]))
        assert np.isnan(row["ERT to 0.1"]) if not solved else row["ERT to 0.1"] == pytest.approx(spent / solved)
        assert -1e-12 <= row["AOCC"] <= 1 + 1e-12


def the_portfolio_is_the_smallest(s, section):
    scores = np.nanmean(np.minimum(s.scores.normalised_OTS[:, s.referenced], 1), axis=2)
    best = scores.min(axis=0).mean()
    said = section.sentences[0]
    members = [s.pool.names.index(name) for name in re.findall(r"random|opt\d", said.split(" come")[0])]
    numbers = [float(x.replace("−", "-")) for x in re.findall(r"−?\d+\.\d{3}", said)]
    assert numbers == pytest.approx([scores[members].min(axis=0).mean(), best, scores.mean(axis=1).min()], abs=6e-4)
    assert scores[members].min(axis=0).mean() <= best + 0.05 + 1e-9
    for fewer in itertools.combinations(range(len(scores)), len(members) - 1):
        assert not fewer or scores[list(fewer)].min(axis=0).mean() > best + 0.05
    with_result = np.isfinite(s.scores.final_OTS[:, s.referenced]).any(axis=(0, 2)).sum()
    assert section.tables[0].frame["wins"].sum() == pytest.approx(with_result)


def leaders_lead(s, section):
    ranks = ranks_of(s.scores.final_OTS)
    table = section.tables[0].frame
    assert len(section.sentences) == table["by"].nunique()
    for sentence, (what, parts_of) in zip(section.sentences, table.groupby("by", sort=False), strict=True):
        claim = sentence.removeprefix(f"Best mean rank by {what}: ").split(" (")[0]
        said = {}
        if " on each of " in claim:
            said = dict.fromkeys(parts_of["part"], claim.split(" on each of ")[0])
        else:
            for text in claim.split("; "):
                who, labels = text.split(" on ", 1)
                for label in sorted(parts_of["part"], key=len, reverse=True):  # the longer one may hold the shorter
                    if label in labels:
                        said[label], labels = who, labels.replace(label, "", 1)
        for _, row in parts_of.iterrows():
            best = row[list(s.names)].astype(float)
            leading = {n for n in s.names if np.isclose(best[n], best.min())}
            named = set() if said[row["part"]] == "nobody" else set(re.findall(r"random|opt\d", said[row["part"]]))
            assert named == (leading if len(leading) < len(s.names) else set())
            assert row["tasks"] >= row["groups"] >= 1
        if what == "family":
            for family, own in parts_of.groupby("part"):
                at = [t for t, task in enumerate(s.pool.tasks) if task.split("/")[0] == family]
                means = ranks[:, at].mean(axis=1)
                assert own[list(s.pool.names)].to_numpy(dtype=float)[0] == pytest.approx(means)
    assert set(section.answers) <= set(section.sentences)


def fronts_count_lost_runs(s, section):
    tables = [t for t in section.tables if t.name == "indicators"]
    for _, row in (tables[0].frame if tables else pd.DataFrame()).iterrows():
        t, o = s.pool.tasks.index(row["task"]), s.pool.names.index(row["optimizer"])
        values = s.scores.final_OTS[o, t][: len(s.pool.seeds[o])]
        lost = np.isinf(values).sum()
        assert np.isnan(row["IGD+"]) == (2 * lost >= len(values))


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(WORLDS, st.sampled_from(["full", "trials", "sim", "wall"]))
def test_every_figure_can_be_drawn(tmp_path_factory, world, axis):
    s = compared(world, axis=axis)
    if s is None:
        return
    for section in parts.assemble(s).all:
        for figure in section.figures:
            figure.draw().get_figure(root=True).draw_without_rendering()


def test_twenty_optimizers_with_long_names_and_labels():
    tasks = list(TASKS)[:3]
    runs, trials = frames(0, 20, tasks, 2, 5, 0.0, 0.0, 1000)
    long = {f"opt{o}": f"an optimizer whose name is as long as it is tedious, number {o}" for o in range(1, 20)}
    s = compared((runs, trials), choice=Choice(labels=long, order=["opt3", "random"]), by_rank=False)
    assert s.names[:2] == [long["opt3"], "random"]
    assert {name: look.colour for name, look in s.looks.items()}[long["opt3"]] != s.looks["random"].colour
    plain = compared((runs, trials))
    assert s.looks[long["opt3"]] == plain.looks["opt3"]
    kept = dict(zip(plain.pool.names, plain.ranking.mean_ranks, strict=True))
    assert dict(zip(s.pool.ids, s.ranking.mean_ranks, strict=True)) == pytest.approx(kept)
    built = parts.assemble(s)
    assert [t.frame["optimizer"].tolist()[:2] for t in built.all[0].tables] == [s.names[:2]]
    figure = next(f for f in built.all[0].figures if f.name == "aggregates")
    figure.draw().get_figure(root=True).draw_without_rendering()


def test_budgets_beyond_300_are_spread_by_ratio():
    s = compared(frames(1, 3, list(TASKS)[:2], 1, 400, 0.0, 0.0, 1000))
    assert s.scores.logarithmic
    section = next(x for x in parts.assemble(s).all if x.key == "targets")
    for figure in section.figures:
        figure.draw().get_figure(root=True).draw_without_rendering()


# held-out values


def evaluated(s, excess, seeds=2, failing=()):
    """Rows as `carps_lite.heldout.load` returns them: each finished run's best value and `excess`, on `seeds` seeds."""
    rows = []
    for run in s.pool.run_OTS[s.pool.cell_OTS == 0]:
        own = s.table[(s.table["run"] == run) & s.table["failure"].isna()]
        if own.empty:
            continue
        for seed in range(seeds):
            row = {"run": int(run), "ask": 0, "held_out_seed": seed, "values": [own["value"].min() + excess]}
            row |= {"noise_free_values": None, "constraints": None}
            rows.append(row | {"failure": "crash" if int(run) in failing else None})
    columns = ["run", "ask", "held_out_seed", "values", "noise_free_values", "constraints", "failure"]
    return pd.DataFrame(rows, columns=columns).astype({"failure": object, "noise_free_values": object})


@pytest.mark.parametrize("excess", [0.0, 0.5, -0.5])
def test_held_out_values_are_counted_and_ranked(excess):
    s = compared(frames(3, 3, list(TASKS)[:2], 3, 6, 0.0, 0.0, 1000))
    s = summary.replace(s, evaluated=evaluated(s, excess, failing={0}))
    section = held_out.build(s)
    said = " ".join(section.sentences)
    assert "of 18 of 18 finished runs were evaluated again on 2 held-out seeds" in said
    worse = 17 if excess > 0 else 0
    assert f"In {worse} of 17 the held-out value is worse than the tuning value" in said
    assert "1 recommendation is worth nothing there" in said
    table = section.tables[0].frame.set_index("optimizer")
    assert table["evaluated again"].tolist() == [6, 6, 6]
    assert table["worth nothing"].sum() == table.loc["random", "worth nothing"] == 1
    tuned, held = s.scores.final_OTS.copy(), s.scores.final_OTS + excess
    at = np.argwhere(s.pool.run_OTS == 0)[0]
    held[tuple(at)] = np.inf
    ranks = ranks_of(held).mean(axis=1)
    assert table.loc[list(s.pool.names), "rank, held-out"].to_numpy() == pytest.approx(ranks)
    first = s.pool.names[int(ranks.argmin())]
    assert f"Best mean rank on the 2 tasks evaluated as a whole: {first} ({ranks.min():.2f}) by held-out" in said
    assert ranks_of(tuned).mean(axis=1).min() == pytest.approx(table["rank, tuning"].min())
    figure = section.figures[0].draw()
    points = sum(len(line.get_xdata()) for line in figure.lines[1:])
    assert points == 17


def test_without_held_out_values_there_is_no_such_section():
    s = compared(frames(3, 2, list(TASKS)[:1], 1, 3, 0.0, 0.0, 10))
    assert held_out.build(s) is None
    assert held_out.build(summary.replace(s, evaluated=evaluated(s, 0.0).iloc[:0])) is None


# LaTeX


def balanced(text):
    """Environments and braces open and close in order; every row of the table has as many cells as it has columns."""
    bare = re.sub(r"\\[\\{}&%$#_]", lambda m: "\n" if m[0] == r"\\" else "", text)
    assert bare.count("$") % 2 == 0
    depth = 0
    for letter in bare:
        depth += (letter == "{") - (letter == "}")
        assert depth >= 0
    assert depth == 0
    stack = []
    for what, name in re.findall(r"\\(begin|end)\{(\w+)\}", text):
        if what == "begin":
            stack.append(name)
        else:
            assert stack.pop() == name
    assert not stack
    columns = re.search(r"\\begin\{(?:tabular|longtable)\}\{([lr]+)\}", text)[1]
    rows = [line for line in text.splitlines() if line.endswith(r"\\") and not line.startswith(r"\caption")]
    assert rows
    for row in rows:
        assert re.sub(r"\\&", "", row).count("&") == len(columns) - 1
        assert not row.startswith("[")


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=20), st.floats()), max_size=45), st.text(max_size=40))
def test_latex_tables_are_whole_for_any_text(rows, caption):
    frame = pd.DataFrame(rows, columns=["na_me", "100 % & more"]).astype({"na_me": str, "100 % & more": float})
    text = latex.latex(Table("x", "", frame, ""), caption)
    balanced(text)
    assert all(ord(letter) < 0x180 for letter in text)
    assert ("longtable" in text) == (len(frame) > 40)


def test_latex_keeps_the_signs_that_reports_use():
    assert latex.escaped("p ≤ .05, R² of 3 × 4, Cliff's δ −1 – 2 µs") == (
        r"p $\leq$ .05, R$^2$ of 3 $\times$ 4, Cliff's $\delta$ $-$1 -- 2 $\mu$s"
    )
    assert latex.escaped("Möré ε+ <b>") == r"Möré $\varepsilon$+ \textless{}b\textgreater{}"


def test_all_tables_of_a_report_are_latex_and_csv(tmp_path):
    from carps_lite.analysis import report

    s = compared(frames(5, 3, list(TASKS), 2, 6, 0.0, 0.0, 1000))
    report.write_tables(s, parts.assemble(s), tmp_path)
    for path in tmp_path.glob("*.tex"):
        balanced(path.read_text(encoding="utf-8"))
        assert path.with_suffix(".csv").exists()
    assert {p.stem for p in tmp_path.glob("*.csv")} >= {"final", "ranking", "pairs", "targets", "indicators", "kinds"}
