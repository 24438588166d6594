"""The report's page in a headless browser: tables sort and filter, figures enlarge, and no request leaves the page."""

import html
import itertools
import json
import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest

from carps_lite.analysis import report

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--virtual-time-budget=2000", "--dump-dom",
)  # fmt: skip
TASKS = [f"bbob/dim:2/fid:{i}/instance:1" for i in range(1, 8)]
SCRIPT = """
<script>
const told = {};
const column = (id, i) => [...document.getElementById(id).tBodies[0].rows].filter((r) => !r.hidden)
  .map((r) => r.cells[i].dataset.v ?? r.cells[i].textContent.trim());
const heads = (id) => [...document.querySelectorAll(`#${id} thead th`)];
const head = (id, text) => heads(id).findIndex((h) => h.textContent.trim() === text);
const click = (id, i) => document.querySelectorAll(`#${id} thead th`)[i].querySelector("button").click();
const i = head("t-targets", "targets reached");
click("t-targets", i); told.up = column("t-targets", i).map(Number);
click("t-targets", i); told.down = column("t-targets", i).map(Number);
const e = head("t-targets", "ERT to 0.1");
click("t-targets", e); told.ert = column("t-targets", e);
click("t-targets", e); told.ert_down = column("t-targets", e);
const search = document.querySelector("input[data-table=t-targets]");
told.shown = !search.hidden;
search.value = "fid:3"; search.dispatchEvent(new Event("input"));
told.filtered = column("t-targets", head("t-targets", "task"));
document.querySelector("#how-good figure button").click();
told.enlarged = document.querySelector("dialog").open && !!document.querySelector("dialog svg");
told.links = [...document.querySelectorAll("nav a")].every((a) => document.querySelector(a.hash));
told.requests = performance.getEntriesByType("resource").map((r) => r.name).filter((n) => !n.startsWith("data:"));
told.wide = document.documentElement.scrollWidth > innerWidth;
document.title = "told " + JSON.stringify(told);
</script></body>"""


class Frames:
    """Made-up runs of two optimizers."""

    def __init__(self):
        rng, runs, trials = np.random.default_rng(0), [], []
        for name, task, seed in itertools.product(("random", "tpe"), TASKS, range(2)):
            runs.append(
                {
                    "run": len(runs), "task": task, "optimizer": name, "seed": seed, "n_workers": 1, "variant": "",
                    "state": "done", "error": "", "n_trials": 9, "n_failed": 0, "spent": 9.0, "kind": "bb",
                    "objectives": ["loss"], "reference": None, "optimum": np.nan, "group": task, "stale": False,
                    "seconds": 1.0, "ask_seconds": 0.1, "tell_seconds": 0.1, "header": {"problem": {}},
                }
            )  # fmt: skip
            steps = np.arange(1.0, 10)
            value = 100 * rng.random(9) ** 3 if name == "tpe" else 100 * rng.random(9)
            own = {"run": len(runs) - 1, "ask": range(9), "end": steps, "fidelity": np.nan, "spent": steps}
            trials.append(pd.DataFrame({**own, "value": value, "feasible": True, "failure": None, "config": "{}"}))
        self.runs, self.trials = pd.DataFrame(runs), pd.concat(trials, ignore_index=True)

    def frames(self, refresh=True, columns=None):
        return self.runs, self.trials[[c for c in self.trials if columns is None or c in columns]]

    def impossible(self):
        return set()


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    if not CHROMIUM:
        pytest.skip("no chromium")
    out = tmp_path_factory.mktemp("page")
    page = report.write(Frames(), out, pdf=False).path
    page.write_text(page.read_text(encoding="utf-8").replace("</body>", SCRIPT), encoding="utf-8")
    profile = tmp_path_factory.mktemp("profile")
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "--window-size=420,900", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    title = re.search(r"<title>told (.*?)</title>", done.stdout)
    assert title, done.stderr[-2000:]
    return json.loads(html.unescape(title[1]))


def test_tables_sort_by_number_both_ways(told):
    assert len(told["up"]) == 14
    assert told["up"] == sorted(told["up"])
    assert told["down"] == sorted(told["down"], reverse=True)


def test_what_has_no_value_sorts_behind(told):
    known = [x for x in told["ert"] if x != ""]
    assert told["ert"] == [*known, *[""] * (14 - len(known))]
    assert 0 < len(known) < 14
    assert [float(x) for x in known] == sorted(float(x) for x in known)
    assert told["ert_down"] == [*known[::-1], *[""] * (14 - len(known))]


def test_rows_are_filtered_by_their_text(told):
    assert told["shown"]
    assert told["filtered"] == [TASKS[2]] * 2


def test_a_figure_opens_and_every_link_of_the_contents_leads_somewhere(told):
    assert told["enlarged"]
    assert told["links"]


def test_nothing_is_fetched_and_a_narrow_window_does_not_scroll_sideways(told):
    assert told["requests"] == []
    assert not told["wide"]
