"""Reading many runs: headers that share their parts, only the columns that are wanted, and what workers are sent."""

import pickle
from types import MappingProxyType

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from carps_lite import spec
from carps_lite.analysis import axes, curves
from carps_lite.analysis.charts.sheet import text_width
from carps_lite.archive import BASELINES, Archive
from carps_lite.frames import TRIALS, narrow_frame
from carps_lite.headers import parse

_TEXT = st.text(st.sampled_from('seedpid":0,{}\\ '), max_size=20)
_VALUES = st.none() | st.integers(-2, 3) | _TEXT
_OPTIONS = st.dictionaries(st.sampled_from(["seed", "pid", "lr"]), _VALUES, max_size=2)
_HEADERS = st.fixed_dictionaries(
    {"task": _TEXT},
    optional={"seed": _VALUES, "pid": _VALUES, "started": _VALUES, "task_options": _OPTIONS},
)


@given(st.lists(_HEADERS, max_size=8))
def test_headers_are_what_json_says(headers):
    texts = [orjson.dumps(h).decode() for h in headers]
    found = parse(texts)
    assert found == headers
    assert [list(h) for h in found] == [list(h) for h in headers]


def test_runs_of_one_cell_share_their_problem():
    one, two = parse(['{"problem":{"x":1},"seed":1}', '{"problem":{"x":1},"seed":2}'])
    assert one["problem"] is two["problem"]
    assert (one["seed"], two["seed"]) == (1, 2)


_LISTS = st.none() | st.lists(st.none() | st.floats(-9, 9), max_size=3)


@given(st.lists(_LISTS, max_size=12), st.integers(0, 12))
def test_lists_become_arrays_as_arrow_makes_them(lists, cut):
    kind = TRIALS.field("values").type
    column = pa.chunked_array([pa.array(lists[:cut], kind), pa.array(lists[cut:], kind)])
    found = narrow_frame(pa.table({"values": column}), ["values"])["values"]
    for ours, given_list in zip(found, lists, strict=True):
        if given_list is None or len(given_list) < 2:
            assert ours is None
        else:
            np.testing.assert_array_equal(ours, np.array(given_list, dtype=float))


@pytest.fixture(scope="module", params=["bb", "mf", "mo", "momf"])
def archive(request, tmp_path_factory):
    """100 runs of a baseline as an archive of their own, and its frames with all columns."""
    whole = pq.read_table(BASELINES / f"{request.param}.parquet")
    path = tmp_path_factory.mktemp("archives") / f"{request.param}.parquet"
    chosen = np.random.default_rng(0).choice(len(whole), 100, replace=False)
    pq.write_table(whole.take(chosen), path)
    made = Archive(path)
    return made, *made.frames()


@pytest.mark.parametrize("axis", list(curves.AXES))
def test_an_archive_gives_the_same_columns_alone_as_among_all(archive, axis):
    archive, runs, trials = archive
    wanted = curves.columns(axis)
    some_runs, some = archive.frames(columns=wanted)
    pd.testing.assert_frame_equal(some, trials[list(some.columns)])
    pd.testing.assert_frame_equal(some_runs, runs)
    assert set(some.columns) == set(wanted)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=9), st.booleans())
def test_order_is_that_of_a_sort(pairs, tidy):
    pairs = sorted(pairs) if tidy else pairs
    table = pd.DataFrame(pairs, columns=["run", "ask"], dtype=int)
    expected = sorted(range(len(pairs)), key=lambda i: pairs[i])
    assert axes.order(table, "full").tolist() == expected


@pytest.mark.parametrize("text", ["AVATAR To.", "0.25 × 10⁻³", "optimizer_13/lr:0.1", "ffi S x", "…"])
def test_text_is_as_wide_as_its_outline(text):
    outline = TextPath((0, 0), text, size=7.0, prop=FontProperties(family=["DejaVu Sans"])).get_extents()
    assert text_width([text], 7.0) == pytest.approx(outline.x1 / 72 * 1.06 + 0.02, rel=1e-9)


class Frozen:
    meta = MappingProxyType({"kinds": ["bb"], "values": MappingProxyType({"lr": [1, 2]})})

    def __init__(self, problem, seed, lr=1):
        self.lr = lr


def test_metadata_that_is_a_read_only_view_reaches_a_worker(monkeypatch):
    monkeypatch.syspath_prepend(__file__.rpartition("/")[0])
    resolved = spec.resolve("optimizers", "test_loading.Frozen")
    assert pickle.loads(pickle.dumps(resolved)).meta == {"kinds": ["bb"], "values": {"lr": [1, 2]}}


def test_an_option_called_seed_may_be_a_fraction():
    headers = [{"seed": seed, "task_options": {"seed": 0.5}} for seed in (1, 2)]
    assert parse([orjson.dumps(header).decode() for header in headers]) == headers
