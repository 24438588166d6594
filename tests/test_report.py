"""The report: every sentence is true of its numbers, and the page holds what it must and fetches nothing."""

import itertools
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import carps_lite
from carps_lite.analysis import draw, figures, numbers, ranking, report, words
from carps_lite.analysis.sections.section import Figure
from carps_lite.analysis.words import Tally
from carps_lite.errors import InputError

# numbers


@given(st.floats(0, 1))
def test_a_p_value_keeps_its_side_of_the_level(p):
    text = numbers.p_value(p)
    assert (text.startswith("<") and p < 0.001) or (float(text) <= 0.05) == (p <= 0.05)
    assert "0." not in text


@given(st.floats(0, 1))
def test_an_upper_bound_of_p_is_one(p):
    bound = float(numbers.p_at_most(p).split()[-1])
    assert p <= bound
    assert bound <= max(0.001, 1.1 * p + 1e-12)


@given(st.lists(st.floats(-1e9, 1e9) | st.just(np.inf), min_size=1, max_size=6))
def test_values_in_a_row_tell_the_best_from_the_next_where_six_digits_do(values):
    write = numbers.together(values)
    finite = sorted({x for x in values if np.isfinite(x)})
    for x in finite:
        read = float(write(x).replace("−", "-"))
        assert read == pytest.approx(x, rel=0.06, abs=1e-12)
    if len(finite) > 1 and finite[1] - finite[0] > 1e-5 * max(abs(x) for x in finite[:2]) and min(map(abs, finite)) > 1:
        assert write(finite[0]) != write(finite[1]) or max(map(abs, finite)) < 20 * min(map(abs, finite))


def test_numbers_as_people_read_them():
    assert [numbers.p_value(p) for p in (0.0144, 0.0496, 0.0504, 0.5, 1, 0.0001)] == [
        ".014", ".050", ".0504", ".50", "1", "< .001",
    ]  # fmt: skip
    assert [numbers.duration(s) for s in (1.3e-5, 4.14e-3, 0.092, 3.2, 200, 9000)] == [
        "13 µs", "4.1 ms", "92 ms", "3.2 s", "3 min", "2.5 h",
    ]  # fmt: skip
    assert [numbers.percent(x) for x in (0, 0.001, 0.943, 0.999, 1)] == ["0 %", "< 1 %", "94 %", "> 99 %", "100 %"]
    assert numbers.chance(1.0) == "> 99 %"  # resampling never shows certainty
    assert numbers.listing(["a", "b", "c"], "or") == "a, b or c"
    assert numbers.listing(list("abcdef"), limit=4) == "a, b, c and 3 more"
    assert numbers.value(-0.000012345) == "−1.234e−5"
    assert [numbers.together([0.13458, 0.13457, 0.2])(x) for x in (0.13458, 0.13457)] == ["0.13458", "0.13457"]


# sentences


def table(seed, n_optimizers, n_tasks, n_seeds, failing=0.0, gap=1.0, levels=4):
    """Random runs (O, T, S): optimizers that differ by `gap`, rounded to few levels so that ties occur."""
    rng = np.random.default_rng(seed)
    offsets = gap * rng.normal(size=(n_optimizers, 1, 1))
    values = np.round(levels * (rng.normal(size=(n_optimizers, n_tasks, n_seeds)) + offsets)) / levels
    values[rng.random(values.shape) < failing] = np.inf
    return values


def truth(values, groups):
    """Mean ranks and verdicts once more, by brute force: +1 row is better, -1 column is, 0 open."""
    n = len(values)
    wins = np.zeros((n, n, values.shape[1]))
    for a, b in itertools.product(range(n), repeat=2):
        x, y = values[a][:, :, None], values[b][:, None, :]
        wins[a, b] = ((x < y) + 0.5 * (x == y)).mean(axis=(1, 2))
    ranks = 0.5 + wins.sum(axis=0)
    pairs, p, signs = list(itertools.combinations(range(n), 2)), [], []
    for a, b in pairs:
        d = pd.Series(wins[a, b] - 0.5).groupby(list(groups)).mean().round(9).to_numpy()
        d = d[d != 0]
        r = pd.Series(np.abs(d)).rank().to_numpy()
        flips = np.array(list(itertools.product((0, 1), repeat=len(d))))
        sums = flips @ r if len(d) else np.zeros(1)
        for_a, against_a = r[d > 0].sum(), r[d < 0].sum()
        p.append(min(1.0, 2 * (sums <= min(for_a, against_a) + 1e-9).mean()))
        signs.append(np.sign(for_a - against_a))
    verdicts, adjusted, worst = np.zeros((n, n)), {}, 0.0
    for place, i in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        worst = max(worst, min(1.0, p[i] * (len(p) - place)))
        a, b = pairs[i]
        adjusted[frozenset((a, b))] = worst
        if worst <= 0.05:
            verdicts[a, b], verdicts[b, a] = signs[i], -signs[i]
    return ranks.mean(axis=1), verdicts, adjusted


def split(text):
    """`opt0, opt2 and opt1` -> {0, 2, 1}."""
    return {int(n) for n in re.findall(r"opt(\d+)", text)}


TABLES = st.builds(
    table,
    seed=st.integers(0, 10**6),
    n_optimizers=st.integers(2, 4),
    n_tasks=st.integers(1, 9),
    n_seeds=st.integers(1, 4),
    failing=st.sampled_from([0.0, 0.2, 0.8, 1.0]),
    gap=st.sampled_from([0.0, 0.5, 3.0]),
    levels=st.sampled_from([1, 20]),
)


@settings(max_examples=200, deadline=None)
@given(TABLES, st.booleans())
def test_every_sentence_is_true_of_its_numbers(values, grouped):
    n, n_tasks, n_seeds = values.shape
    groups = [f"g{t // 2 if grouped else t}" for t in range(n_tasks)]
    n_groups = len(set(groups))
    r = ranking.rank(values, [f"opt{o}" for o in range(n)], groups)
    means, verdicts, p = truth(values, groups)
    best = {o for o in range(n) if np.isclose(means[o], means.min())}
    others = set(range(n)) - best

    said = words.headline(r, "30 evaluations")
    assert said.startswith("After 30 evaluations, ")
    where = "this task" if n_tasks == 1 else f"these {n_tasks} tasks"
    assert f"on {where}" in said
    first = min(best, key=lambda o: f"opt{o}")
    if "same mean rank" in said:
        assert len(best) == n
    elif "share the best" in said:
        assert split(said) == best
        assert 1 < len(best) < n
    elif "is the best of" in said:
        assert best == split(said) == {first}
        assert f"of {n} optimizers" in said
        assert all(verdicts[first, o] == 1 for o in others)
    elif "is better than" in said:
        assert n == 2
        assert said.index(f"opt{first}") < said.index("better")
        assert verdicts[first, 1 - first] == 1
    elif "cannot be told apart on" in said:
        assert n == 2
        assert n_groups > 1
        assert verdicts[0, 1] == 0
    elif "ranks before" in said:
        assert n == 2
        assert best == {first}
        assert said.index(f"opt{first}") < said.index("ranks before")
        assert n_groups == 1 or verdicts[first, 1 - first] == -1
    else:
        assert "ranks first of" in said
        assert best == {first}
        claim = said.split("ranks first")[1]
        doubt = re.search(r"cannot be told apart from ([^.]*?)(?:, although|\.)", claim)
        lost = re.search(r"although (.*) (?:is|are) better in direct", claim)
        undecided = {o for o in others if verdicts[first, o] == 0}
        if n_groups > 1:
            found = set() if not doubt else others if doubt[1] == "any other" else split(doubt[1])
            assert found == undecided
        else:
            assert not doubt
        assert (split(lost[1]) if lost else set()) == {o for o in others if verdicts[first, o] == -1}
        assert undecided or lost

    proof = words.evidence(r)
    assert proof.startswith(f"mean rank {means.min():.2f}")
    if bound := re.search(r"p (≤|<) (\S+) against each", proof):
        assert max(p[frozenset((first, o))] for o in range(n) if o != first) <= float(bound[2]) <= 0.05 + 1e-9
        assert n_groups > 1
    if found := re.search(r"\[([\d.]+), ([\d.]+)\]", proof):
        assert n_seeds > 1
        assert float(found[1]) - 0.005 <= means.min() <= float(found[2]) + 0.005

    following = words.runner_up(r)
    told = sum(verdicts[a, b] != 0 for a, b in itertools.combinations(range(n), 2))
    n_pairs = n * (n - 1) // 2
    if found := re.search(r"opt(\d) is second \(([\d.]+)\)", following):
        second = int(found[1])
        assert sum(means < means[second] - 1e-9) == 1
        assert np.isclose(means, means[second]).sum() == 1
        assert float(found[2]) == pytest.approx(means[second], abs=0.0051)
    if "all" in following and "pairs are told apart" in following:
        assert told == n_pairs
    if found := re.search(r"of (\d+) pairs, (none|\d+) (?:is|are) told apart", following):
        assert int(found[1]) == n_pairs
        assert (0 if found[2] == "none" else int(found[2])) == told
    if found := re.search(r"whether opt(\d) beats opt(\d) stays open", following):
        assert told == n_pairs - 1
        assert verdicts[int(found[1]), int(found[2])] == 0
    if "open:" in following:
        opened = re.findall(r"opt(\d) against opt(\d)", following)
        assert len(opened) == n_pairs - told
        assert all(verdicts[int(a), int(b)] == 0 for a, b in opened)

    limit = words.limits(r)
    assert ("cannot show any difference" in limit) == (n_groups > 1 and n_pairs * 2.0 ** (1 - n_groups) > 0.05)
    assert ("cannot show which optimizer is better in general" in limit) == (n_groups == 1)
    assert ("one seed only" in limit) == (n_seeds == 1)
    if "cannot show any difference" in limit:
        assert told == 0

    for a, b in itertools.permutations(range(n), 2):
        text = words.verdict(r, a, b)
        if n_groups > 1:
            assert text.split(",")[0] == {1: "better", 0: "open", -1: "worse"}[verdicts[a, b]]
        else:
            assert text == "not tested"


@given(st.lists(st.tuples(*[st.integers(0, 3)] * 4), min_size=1, max_size=4))
def test_the_sentences_on_failures_count_right(cells):
    done, failed, missing, empty = (tuple(c) for c in zip(*cells, strict=True))
    done = tuple(d + e for d, e in zip(done, empty, strict=True))
    t = Tally(tuple(f"opt{i}" for i in range(len(cells))), done, failed, missing, empty)
    said = " ".join(words.failures(t))
    for counts, pattern in (
        (failed, r"(\d+) of (\d+) runs failed"),
        (missing, r"(\d+) of (\d+) runs (?:is|are) missing"),
    ):
        found = re.search(pattern, said)
        assert (int(found[1]), int(found[2])) == (sum(counts), t.planned) if sum(counts) else found is None
    found = re.search(r"(\d+) finished runs? found no valid result", said)
    assert int(found[1]) == sum(empty) if sum(empty) else found is None


def test_the_sentences_of_a_clear_case():
    values = np.stack([np.full((12, 5), float(o)) for o in (2, 0, 1)]) + np.linspace(0, 0.5, 5)
    r = ranking.rank(values, ["random", "gp", "tpe"], [f"g{t}" for t in range(12)])
    assert (
        words.headline(r, "30 evaluations") == "After 30 evaluations, gp is the best of 3 optimizers on these 12 tasks."
    )
    assert words.evidence(r) == "mean rank 1.00 [1.00, 1.00]; p ≤ .0015 against each"
    assert words.runner_up(r) == "tpe is second (2.00); all 3 pairs are told apart."
    assert words.outlook(r) == (
        "On as many other tasks of this kind, gp would have the best mean rank with probability > 99 %."
    )
    assert words.headline(r, "3 trials", incomplete=True).startswith("So far, after 3 trials, gp")


# the report


class Frames:
    """A store of made-up runs."""

    def __init__(self, runs, trials):
        self._runs, self._trials = pd.DataFrame(runs), pd.concat(trials, ignore_index=True)

    def frames(self, refresh=True, columns=None):
        return self._runs, self._trials[[c for c in self._trials if columns is None or c in columns]]

    def impossible(self):
        return set()


TASKS = [f"bbob/dim:5/fid:{i}/instance:1" for i in (1, 8)] + [f"hpobench_mlp/data:{d}" for d in ("car", "<b>&vehicle")]


def made(optimizers=("random", "tpe", "gp"), tasks=TASKS, seeds=range(3), n=12, failed=(), missing=(), **changed):
    """Runs whose optimizers differ by their place in the list; `changed`: further columns of the runs."""
    rng = np.random.default_rng(0)
    runs, trials = [], []
    for (o, optimizer), task, seed in itertools.product(enumerate(optimizers), tasks, seeds):
        if (optimizer, task, seed) in missing:
            continue
        bad = (optimizer, task, seed) in failed
        value = rng.random(n) / (1 + 3 * o)
        value[rng.random(n) < 0.05] = np.nan
        optimum = 0.0 if task.startswith("bbob") else np.nan
        made_with = {"version": 1, "libraries": {"optuna": "5.0.0"}}
        header = {"problem": {"fidelity": None}, "optimizer_identity": made_with, "task_identity": {"code": "1f3a"}}
        shared = {"run": len(runs), "task": task, "optimizer": optimizer, "seed": seed, "n_workers": 1, "variant": ""}
        runs.append(
            {
                **shared, "state": "failed" if bad else "done", "error": "time limit 60 s" if bad else "",
                "n_trials": n, "n_failed": int(np.isnan(value).sum()), "spent": float(n), "kind": "bb",
                "objectives": ["loss"], "reference": None, "optimum": optimum, "group": task, "stale": False,
                "seconds": 1.5, "ask_seconds": 0.01 * (o + 1), "tell_seconds": 0.001, "header": header, **changed,
            }
        )  # fmt: skip
        own = {"ask": range(n), "end": np.arange(1.0, n + 1), "fidelity": np.nan, "spent": np.arange(1.0, n + 1)}
        reason = np.where(np.isnan(value), "ValueError: <script>", None)
        trials.append(pd.DataFrame({"run": len(runs) - 1, **own, "value": value, "feasible": True, "failure": reason}))
    return Frames(runs, trials)


VOID = {"meta", "link", "input", "br", "img", "hr", "wbr"}


class Page(HTMLParser):
    """Checks that tags are closed in order, and collects what a browser would fetch, the ids and the text."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.fetched, self.ids, self.targets, self.text = [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name in ("src", "srcset", "data", "action", "poster") or (name == "href" and tag != "a"):
                self.fetched.append(value)
            if name == "id":
                self.ids.append(value)
            if name == "href" and tag == "a":
                self.targets.append(value)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_data(self, data):
        self.text.append(data)


def read(path):
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert page.fetched == ["data:,"]  # the empty icon, so that none is asked for
    assert not re.search(r"url\((?!#)|@import|http://|https://", text)
    assert "None" not in "".join(page.text)
    assert "nan" not in re.findall(r"\b\w+\b", "".join(page.text))
    assert len(page.ids) == len(set(page.ids))
    assert {t[1:] for t in page.targets} <= set(page.ids)
    return text, "".join(page.text)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    out = tmp_path_factory.mktemp("report")
    return write(out), out


def write(out):
    return report.write(made(failed={("tpe", TASKS[0], 1)}), out, title="My <report>")


def test_the_page_is_whole_and_fetches_nothing(written):
    result, out = written
    assert result.path == out / "index.html"
    html, text = read(result.path)
    for name in ("random", "tpe", "gp", *TASKS):
        assert name in text
    assert result.summary.headline in text
    assert "time limit 60 s" in text
    assert "optuna 5.0.0" in text
    assert "ValueError: <script>" in text  # shown, not run
    assert html.count("<script>") == 1
    assert "My <report>" in text
    assert html.count("<svg") > 10
    assert len(html) < 300_000


def test_every_figure_states_what_it_stands_on(written):
    result, out = written
    failed = int(made()._runs["n_failed"].sum())
    share = numbers.percent(failed / (36 * 12))
    caption = f"4 tasks, 3 seeds, 35 of 36 runs (1 failed: 3 %), 12 evaluations, {share} of trials failed"
    assert result.summary.caption == caption
    html, text = read(out / "index.html")
    legends = re.findall(r"<figcaption>(.*?)</figcaption>", html, flags=re.S)
    assert len(legends) > 8
    assert all(re.search(r"\d tasks, 3 seeds, .* of trials failed\.$", words) for words in legends)
    assert all("How to read this." in words for words in legends)
    assert text.count(caption) > 8


def test_the_same_store_gives_the_same_files(written, tmp_path):
    _, out = written
    again = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import test_report as t; t.write(sys.argv[1])"
    )
    other = {**os.environ, "PYTHONHASHSEED": "7"}  # sets in another order
    subprocess.run([sys.executable, "-c", again, str(tmp_path)], env=other, check=True, timeout=120)
    files = sorted(p.relative_to(out) for p in out.rglob("*") if p.is_file())
    pictures = {"anytime_ranks", "incumbents_1", "mean_ranks", "pairs", "critical_difference", "score_map", "failures"}
    data = {"anytime_ranks", "coverage", "final", "incumbents", "pairs", "ranking", "runs", "tests", "kinds"}
    names = {str(f) for f in files}
    assert names > {f"figures/{name}.{kind}" for name in pictures for kind in ("png", "svg", "pdf")}
    assert names > {"index.html", "report.md", "citations.bib", *(f"tables/{name}.csv" for name in data)}
    assert [str(f) for f in files if (out / f).read_bytes() != (tmp_path / f).read_bytes()] == []


def test_the_tables_hold_what_the_page_says(written):
    result, out = written
    r = result.summary.ranking
    ranks = pd.read_csv(out / "tables" / "ranking.csv")
    assert ranks["optimizer"].tolist() == ["gp", "tpe", "random"]
    assert ranks["mean_rank"].to_numpy() == pytest.approx(r.mean_ranks[r.order])
    pairs = pd.read_csv(out / "tables" / "pairs.csv")
    assert pairs["family"].tolist() == [3, 3, 3]
    coverage = pd.read_csv(out / "tables" / "coverage.csv").set_index("optimizer")
    assert coverage["failed"].to_dict() == {"gp": 0, "random": 0, "tpe": 1}
    assert coverage["planned"].tolist() == [12, 12, 12]
    assert coverage.loc["gp", "own_seconds_per_trial"] == pytest.approx(0.031 / 12)
    final = pd.read_csv(out / "tables" / "final.csv")
    assert len(final) == 12
    own = final[(final["task"] == TASKS[1]) & (final["optimizer"] == "gp")].iloc[0]
    store = made()
    runs, trials = store.frames()
    chosen = runs[(runs["task"] == TASKS[1]) & (runs["optimizer"] == "gp")]["run"]
    assert own["median"] == pytest.approx(trials[trials["run"].isin(chosen)].groupby("run")["value"].min().median())


def test_markdown_says_the_same(written):
    result, out = written
    text = (out / "report.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {result.summary.headline}")
    for figure in re.findall(r"\]\((figures/[^)]*)\)", text):
        assert (out / figure).exists()
    rows = [line for line in text.splitlines() if line.startswith("|")]
    for block in re.findall(r"(?:^\|.*\n)+", text, flags=re.M):
        assert len({line.count("|") for line in block.splitlines()}) == 1, block
    assert any("**gp**" in row for row in rows)


def test_the_terminal_gets_the_answer_in_a_few_lines(written):
    result, _ = written
    assert re.match(r"After 12 evaluations, gp ranks first of 3 .* \(mean rank 1\.\d\d \[.*\]\)\.$", result.lines[0])
    assert "1 of 36 runs failed and counts as worse than any result on its task: 1 of tpe." in result.lines
    assert any("4 tasks cannot show any difference" in line for line in result.lines)


@pytest.fixture
def undrawn(monkeypatch):
    """Figures are empty: for tests of words and tables."""
    kept = draw._drawings
    monkeypatch.setattr(figures, "save", lambda axes, *_, **__: '<svg viewBox="0 0 1 1"></svg>')
    monkeypatch.setattr(Figure, "draw", lambda self: None)
    monkeypatch.setattr(draw, "_drawings", lambda s: dict.fromkeys(kept(s), lambda: None))


def a_page(store, tmp_path, **arguments):
    result = report.write(store, tmp_path / "r", **arguments)
    return result, read(result.path)[1]


def test_two_optimizers_one_task_one_seed(tmp_path, undrawn):
    result, text = a_page(made(("random", "tpe"), TASKS[:1], [0]), tmp_path)
    final = pd.read_csv(tmp_path / "r" / "tables" / "final.csv").sort_values("median")["optimizer"].tolist()
    said = f"{final[0]} ranks before {final[1]} on this task (mean rank 1.00 against 2.00)."
    assert result.lines[0] == f"After 12 evaluations, {said}"
    assert "One task cannot show which optimizer is better in general." in text
    assert "Every optimizer has one seed only" in text
    assert "not tested" in text


def test_one_optimizer_alone_is_shown_and_not_ranked(tmp_path):
    result, text = a_page(made(("tpe",)), tmp_path)
    assert result.summary.ranking is None
    assert "Only tpe has runs here, so that there is nothing to compare it with." in text
    assert "Pair by pair" not in text
    assert "Random search, the baseline that any optimizer should beat, is not among them." in text
    assert (tmp_path / "r" / "figures" / "incumbents_1.svg").exists()
    assert not (tmp_path / "r" / "tables" / "ranking.csv").exists()


def test_everything_failed(tmp_path, undrawn):
    cells = set(itertools.product(("random", "tpe"), TASKS, range(3)))
    result, text = a_page(made(("random", "tpe"), failed=cells), tmp_path)
    assert result.lines[0] == "Nothing can be compared: of 24 runs, 24 failed."
    assert result.summary.ranking is None
    assert text.count("time limit 60 s") == 8  # once for each optimizer and task, with its seeds
    assert "0, 1 and 2" in text


def test_one_optimizer_failed_everywhere(tmp_path, undrawn):
    cells = set(itertools.product(("tpe",), TASKS, range(3)))
    result, text = a_page(made(("random", "tpe"), failed=cells), tmp_path)
    assert result.lines[0].startswith("After 12 evaluations, only random has results: no run of tpe has any")
    assert result.summary.ranking.mean_ranks.tolist() == [1, 2]
    assert "12 of 24 runs failed and count as worse than any result on their tasks: 12 of tpe." in text


def test_one_of_three_failed_everywhere(tmp_path, undrawn):
    cells = set(itertools.product(("tpe",), TASKS, range(3)))
    result, _ = a_page(made(failed=cells), tmp_path)
    assert "tpe has no valid result on any task." in result.lines


def test_a_partial_grid_says_so_far(tmp_path, undrawn):
    result, text = a_page(made(missing={("gp", TASKS[0], 2), ("gp", TASKS[1], 2)}), tmp_path)
    assert result.lines[0].startswith("So far, after 12 evaluations, ")
    assert "2 of 36 runs are missing and count as worse than any result on their tasks: 2 of gp." in text


def test_unequal_seeds_are_stated(tmp_path, undrawn):
    one, two = made(("random",), seeds=range(5)), made(("tpe",), seeds=range(2))
    runs = pd.concat([one.frames()[0], two.frames()[0].assign(run=lambda f: f["run"] + 100)])
    trials = pd.concat([one.frames()[1], two.frames()[1].assign(run=lambda f: f["run"] + 100)])
    result, text = a_page(Frames(runs, [trials]), tmp_path)
    assert "2 to 5 seeds" in text
    assert result.summary.tally.missing == (0, 0)


def test_a_stale_optimizer_is_labelled(tmp_path, undrawn):
    store = made()
    store.frames()[0].loc[store.frames()[0]["optimizer"] == "gp", "stale"] = True
    result, text = a_page(store, tmp_path)
    assert "gp (stale)" in result.lines[0]
    assert "Made by other code or library versions than are installed: gp (stale)." in text


def test_a_shorter_run_shortens_the_comparison_and_says_how_to_avoid_it(tmp_path, undrawn):
    store = made()
    runs, trials = store.frames()
    short = Frames(runs, [trials[(trials["run"] != 0) | (trials["ask"] < 4)]])
    result, _ = a_page(short, tmp_path)
    assert result.lines[0].startswith("After 4 evaluations")
    hint = next(line for line in result.lines if line.startswith("Compared after"))
    assert "35 of 36 went on to 12 (budget=12 compares there" in hint
    longer, _ = a_page(short, tmp_path, budget=12)
    assert "Of the missing runs, 1 finished before 12 evaluations." in longer.lines


def test_choosing_and_bad_input(tmp_path, undrawn):
    result, text = a_page(made(), tmp_path, optimizers=["random", "gp"], tasks=["bbob"], seeds=[0, 1], budget="6trials")
    assert result.lines[0].startswith("After 6 trials, ")
    assert result.summary.caption.startswith("2 tasks, 2 seeds, 8 of 8 runs (none failed), 6 trials, ")
    assert "tpe" not in text
    runs, trials = made().frames()
    empty = Frames(runs.iloc[:0], [trials.iloc[:0]])
    with pytest.raises(InputError, match="no finished runs"):
        report.write(empty, tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_optimizers_are_renamed_and_stand_as_given(tmp_path, undrawn):
    given = {"labels": {"gp": "my model"}, "optimizers": ["tpe", "gp", "random"], "order": "given"}
    result, text = a_page(made(), tmp_path, **given)
    assert result.summary.names == ["tpe", "my model", "random"]
    assert result.lines[0].startswith("After 12 evaluations, my model ")
    assert "gp" not in re.findall(r"\w+", text)
    folder = tmp_path / "r" / "tables"
    assert pd.read_csv(folder / "ranking.csv")["optimizer"].tolist() == ["my model", "tpe", "random"]
    assert pd.read_csv(folder / "tests.csv")["optimizer"].tolist() == ["tpe", "tpe", "my model"]
    table = (folder / "final.tex").read_text(encoding="utf-8").splitlines()
    assert table[6].startswith("task & measure & tpe & my model")
    with pytest.raises(InputError, match="order must be rank or given, got 'givn'; did you mean 'given'"):
        report.write(made(), tmp_path / "no", order="givn")
    with pytest.raises(InputError, match="no run of optimizer 'gq'; did you mean 'gp'"):
        report.write(made(), tmp_path / "no", labels={"gq": "x"})
    assert not (tmp_path / "no").exists()


def test_labels_on_the_command_line():
    from carps_lite.commands.report import parse_labels

    assert parse_labels([]) == parse_labels(["null"]) == {}
    assert parse_labels(["tpe/multivariate:true=TPE-mv,gp=the GP"]) == {
        "tpe/multivariate:true": "TPE-mv",
        "gp": "the GP",
    }
    assert parse_labels(["'a=b'", "c=d=e"]) == {"a": "b", "c": "d=e"}
    for wrong in ("gp", "gp=", "=x", "a=b,,"):
        with pytest.raises(InputError, match="label must be ID=NAME, several with commas, got "):
            parse_labels([wrong])
    with pytest.raises(InputError, match="label: a gets two names, b and c"):
        parse_labels(["a=b", "a=c"])


def test_the_command_takes_labels_order_and_pdf(tmp_path, capsys, undrawn):
    from carps_lite.cli import main

    root = tmp_path / "s"
    assert (
        main(["run", "task=sphere", "optimizer=random,cmaes", "seeds=2", "budget=4", "processes=0", f"results={root}"])
        == 0
    )
    out = tmp_path / "r"
    args = ["report", f"results={root}", f"out={out}", "label=cmaes=CMA-ES", "optimizer=random,cmaes", "order=given"]
    assert main([*args, "pdf=false"]) == 0
    assert "CMA-ES" in capsys.readouterr().out
    assert pd.read_csv(out / "tables" / "targets.csv")["optimizer"].tolist() == ["random", "CMA-ES"]
    assert main([*args, "pdf=no-way"]) == 2
    assert "pdf must be true or false" in capsys.readouterr().err


def test_who_leads_where_stands_at_the_top(tmp_path, undrawn):
    first, second = made(tasks=TASKS[:2], seeds=range(2)), made(("gp", "tpe", "random"), TASKS[2:], range(2))
    runs = pd.concat([first.frames()[0], second.frames()[0].assign(run=lambda f: f["run"] + 100)])
    trials = pd.concat([first.frames()[1], second.frames()[1].assign(run=lambda f: f["run"] + 100)])
    result, text = a_page(Frames(runs, [trials]), tmp_path)
    said = next(line for line in result.lines if line.startswith("Best mean rank by family: "))
    assert re.match(r"Best mean rank by family: gp on bbob; random on hpobench_mlp \(nowhere", said)
    assert text.index(said) < text.index("How to read this.")
    assert said in (tmp_path / "r" / "report.md").read_text(encoding="utf-8")


def test_many_optimizers_and_tasks(tmp_path):
    names = [f"family/option:{i}" for i in range(7)] + ["random"]
    tasks = [f"bbob/dim:{d}/fid:{f}" for d in (2, 5, 10) for f in range(1, 10)]
    result, text = a_page(made(names, tasks, range(2), n=5), tmp_path, pdf=False)
    assert all(name in text for name in names)
    assert "1 more" in text  # figures of incumbents behind a fold
    assert (tmp_path / "r" / "figures" / "incumbents_3.svg").exists()
    assert "Show tasks with …" in result.path.read_text(encoding="utf-8")


def test_from_a_real_store(tmp_path):
    """Runs made by the loop, through the store, to the page."""
    store = carps_lite.Store(tmp_path / "results")
    for dim, seed in itertools.product((2, 3), range(2)):
        carps_lite.run(f"sphere/dim:{dim}", "random", seed=seed, budget=15, store=store)
        carps_lite.run(f"sphere/dim:{dim}", "cmaes", seed=seed, budget=20, store=store)
    carps_lite.run("brittle", "random", seed=0, budget=15, store=store)
    result, text = a_page(store, tmp_path, pdf=False)
    assert "After 15 evaluations" in result.lines[0]
    assert "sphere/dim:3" in text
    assert any(line.startswith("Left out: 1 task with runs of one optimizer only: brittle") for line in result.lines)
    _, trials = store.frames()
    chosen = trials[(trials["task"] == "sphere/dim:2") & (trials["optimizer"] == "cmaes") & (trials["ask"] < 15)]
    final = pd.read_csv(tmp_path / "r" / "tables" / "final.csv").set_index(["task", "optimizer"])
    assert final.loc[("sphere/dim:2", "cmaes"), "median"] == pytest.approx(
        chosen.groupby("run")["value"].min().median()
    )


def test_a_task_that_an_optimizer_does_not_handle_is_left_out_and_no_failure_of_it(tmp_path, undrawn):
    from carps_lite.cli import main

    root = tmp_path / "s"
    args = ["task=sphere/dim:2..4,mixed", "optimizer=random,tpe,cmaes", "seeds=2", "budget=8", "processes=0"]
    assert main(["run", *args, f"results={root}"]) == 0
    result = report.write(carps_lite.Store(root), tmp_path / "r")
    assert result.summary.caption.startswith("3 tasks, 2 seeds, 18 of 18 runs")
    assert "Left out: 1 task that cmaes does not handle: mixed/kind:bb." in result.lines
    both = report.write(carps_lite.Store(root), tmp_path / "r", optimizers=["random", "tpe"])
    assert both.summary.caption.startswith("4 tasks, 2 seeds, 16 of 16 runs")
