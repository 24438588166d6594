"""The store: nothing is lost, nothing is read twice, and the table says what the files say."""

import json
import math
import os
import socket
import time

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import carps_lite as cl
from carps_lite import spec, store
from carps_lite.core import Budget, Result, Trial
from carps_lite.errors import InputError
from carps_lite.identity import identify
from carps_lite.jobs import Job, header, longest, perform
from carps_lite.keys import RunKey, folder_name
from carps_lite.loop import Record
from carps_lite.rows import dump, dump_record, load_record, parse_log
from carps_lite.store import Store, is_alive, peek


def job(task="sphere", optimizer="random", seed=0, budget=8, **more):
    made = spec.resolve("tasks", task), spec.resolve("optimizers", optimizer)
    return Job(*made, seed, Budget.parse(budget), *map(identify, made), **more)


@pytest.fixture
def root(tmp_path):
    made = Store(tmp_path / "results")
    made.create()
    return made


def do(root, one, attempt="a", **more):
    files = root.files(one.key)
    return perform(one, root, attempt, (*files.finished, *files.failed, *files.parts), **more)


def log_of(root, one):
    (path,) = root.files(one.key).finished
    return path


numbers = st.floats(allow_nan=False, allow_infinity=False)
scalars = st.one_of(numbers, st.integers(-(2**53), 2**53), st.booleans(), st.text(max_size=5))
records = st.builds(
    Record,
    ask=st.integers(0, 10**6),
    start=numbers,
    end=numbers,
    trial=st.builds(Trial, st.dictionaries(st.text(min_size=1, max_size=5), scalars, max_size=4), st.none() | numbers),
    result=st.builds(
        Result, st.tuples(numbers) | st.tuples(numbers, numbers), numbers, st.just(()) | st.tuples(numbers)
    ),
    spent=numbers,
    failure=st.none() | st.text(min_size=1),
    info=st.dictionaries(st.text(max_size=5), scalars, max_size=3),
    nanoseconds=st.tuples(*[st.integers(0, 10**12)] * 3),
)


@given(records)
def test_a_record_survives_its_line(record):
    line = dump_record(record)
    assert line.count(b"\n") == 1
    assert load_record(json.loads(line)) == record


def test_a_failed_record_survives_its_line():
    record = Record(0, 0.0, 1.0, Trial({"x": 1}), Result((math.nan, math.nan), 1.0, (math.nan,)), 1.0, "nan loss")
    back = load_record(json.loads(dump_record(record)))
    assert all(map(math.isnan, (*back.result.values, *back.result.constraints)))
    assert back.failure == "nan loss"


def test_a_log_cut_at_any_byte_gives_its_whole_lines(root):
    do(root, job())
    content = log_of(root, job()).read_bytes()
    for cut in range(len(content)):
        header, rows, end = parse_log(content[:cut])
        whole = content[:cut].count(b"\n")
        assert (header is not None) == (whole >= 1)
        assert len(rows) == max(0, min(whole - 1, 8))
        assert end is None


def test_rubbish_in_the_middle_ends_the_log():
    lines = [dump({"schema": [1, 0]}), *(dump({"ask": i}) for i in range(3)), b"{rubbish\n", dump({"ask": 3})]
    assert len(parse_log(b"".join(lines))[1]) == 3
    lines = [dump({"schema": [1, 0]}), dump({"ask": 0}), dump({"ask": 2})]
    assert len(parse_log(b"".join(lines))[1]) == 1


@settings(max_examples=15, deadline=None)
@given(cut=st.floats(0, 1), optimizer=st.sampled_from(["random", "tpe", "cmaes"]), workers=st.sampled_from([1, 3]))
def test_an_attempt_cut_anywhere_is_gone_on_from(tmp_path_factory, cut, optimizer, workers):
    root = Store(tmp_path_factory.mktemp("store"))
    root.create()
    one = job("curve", optimizer, budget=10, n_workers=workers)
    do(root, one)
    path = log_of(root, one)
    whole = path.read_bytes()
    part = path.with_name(f"{one.key.stem}.dead.part")
    part.write_bytes(whole[: int(len(whole) * cut)])
    path.unlink()
    task = one.build_task()
    known = longest(header(one, task, one.problem(task)), [part])
    do(root, one, "b")
    again = log_of(root, one).read_bytes()
    assert again.splitlines()[1 : 1 + len(known)] == whole.splitlines()[1 : 1 + len(known)]
    strip = [{k: v for k, v in json.loads(line).items() if k != "measured_ns"} for line in again.splitlines()[1:-1]]
    assert strip == [
        {k: v for k, v in json.loads(line).items() if k != "measured_ns"} for line in whole.splitlines()[1:-1]
    ]
    assert not part.exists() or cut * len(whole) < len(whole.splitlines()[0]) + 1  # as if just being opened


def test_two_attempts_at_one_run_lose_nothing(root):
    one = job()
    first = root.begin(one.key, {"task_identity": 1}, "first")
    assert do(root, one, "second").state == "done"
    before = log_of(root, one).read_bytes()
    first.publish({"state": "done"}, one.budget, [])
    assert log_of(root, one).read_bytes() == before
    assert not first.path.exists()


def test_a_shorter_run_never_replaces_a_longer_one(root):
    do(root, job(budget=20))
    late = root.begin(job().key, {}, "late")
    late.publish({"state": "done", "why": "budget", "covered": {"trials": 8}}, Budget(8), [])
    assert len(root.table()) == 20


def test_without_hard_links_the_file_is_renamed(root, monkeypatch):
    def refuse(*args):
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    do(root, job())
    assert len(root.table()) == 8


def test_covers():
    def log(why, **covered):
        return store.Log(None, {}, {"state": "done", "why": why, "covered": covered})

    assert log("budget", full=30.0, trials=30, sim=2.0, wall=0.1).covers(Budget(30))
    assert not log("budget", full=30.0, trials=30, sim=2.0, wall=0.1).covers(Budget(31, "trials"))
    assert log("exhausted", full=3.0).covers(Budget(1e9))
    assert not store.Log(None, {}, {"state": "failed"}).covers(Budget(1))
    assert not store.Log(None, {}, None).covers(Budget(1))


def test_a_newer_store_is_refused_and_a_damaged_stamp_named(tmp_path):
    (tmp_path / "store.json").write_text('{"schema": [2, 0]}')
    with pytest.raises(InputError, match="written by a newer carps-lite"):
        Store(tmp_path)
    (tmp_path / "store.json").write_text("{")
    with pytest.raises(InputError, match="is damaged"):
        Store(tmp_path)


def test_a_part_lives_while_its_process_does(root):
    def part(**facts):
        path = root.root / f"x.{len(list(root.root.iterdir()))}.part"
        path.write_bytes(dump({"schema": [1, 0], **facts}))
        return path

    here = socket.gethostname()
    assert is_alive(part(host=here, pid=os.getppid()))
    assert not is_alive(part(host=here, pid=2**22 - 3))
    assert not is_alive(part(host=here, pid=os.getpid()))  # ours is written by this very call
    assert is_alive(part(host="elsewhere", pid=1))
    old = part(host="elsewhere", pid=1)
    os.utime(old, (time.time() - 300,) * 2)
    assert not is_alive(old)
    torn = root.root / "torn.part"
    torn.write_bytes(b'{"sch')  # as if just being opened
    assert is_alive(torn)
    os.utime(torn, (time.time() - 300,) * 2)
    assert not is_alive(torn)


def fill(root):
    for task in ("sphere", "mixed/kind:momf", "constrained", "brittle"):
        for seed in (0, 1):
            do(root, job(task, seed=seed))


def by_hand(root):
    rows = []
    for path in sorted(root.root.rglob("*.jsonl")):
        head, *body = map(json.loads, path.read_text().splitlines())
        rows += [
            (head["task"], head["seed"], r["ask"], r["values"], r["cost"], r.get("failure"), r["config"])
            for r in body[:-1]
        ]
    return sorted(rows, key=lambda row: row[:3])


def from_table(table):
    values = [[None if math.isnan(v) else v for v in vs] for vs in table["values"]]
    failures = [None if pd.isna(f) else f for f in table["failure"]]
    configs = [json.loads(c) for c in table["config"]]
    return sorted(
        zip(table["task"], table["seed"], table["ask"], values, table["cost"], failures, configs, strict=True),
        key=lambda row: row[:3],
    )


def test_the_table_says_what_the_files_say(root):
    fill(root)
    assert from_table(root.table()) == by_hand(root)
    assert from_table(root.table()) == by_hand(root)  # now from Parquet
    runs = root.runs()
    assert len(runs) == 8
    assert runs["n_trials"].sum() == len(root.table())
    assert set(runs["kind"]) == {"bb", "momf"}
    assert runs.loc[runs["task"] == "sphere/dim:2", "optimum"].tolist() == [0.0, 0.0]


def test_the_table_is_rebuilt_incrementally(root, monkeypatch):
    from carps_lite import table

    fill(root)
    root.table()
    parsed = []
    original = table.parse_log
    monkeypatch.setattr(table, "parse_log", lambda content: parsed.append(1) or original(content))
    root.table()
    assert parsed == []
    do(root, job("sphere", seed=7))
    do(root, job("sphere", seed=1, budget=12))  # longer now
    gone = log_of(root, job("brittle"))
    gone.unlink()
    assert from_table(root.table()) == by_hand(root)
    assert len(parsed) == 2
    assert len(root.runs()) == 8


@pytest.mark.parametrize("name", ["table.parquet", "runs.parquet"])
@pytest.mark.parametrize("damage", [lambda p: p.write_bytes(b"rubbish"), lambda p: p.unlink()])
def test_a_damaged_cache_is_made_again(root, name, damage):
    fill(root)
    root.table()
    damage(root.root / name)
    assert from_table(root.table()) == by_hand(root)


def test_caches_that_do_not_belong_together_are_made_again(root):
    fill(root)
    root.table()
    old = (root.root / "runs.parquet").read_bytes()
    do(root, job("sphere", seed=9))
    root.table()
    (root.root / "runs.parquet").write_bytes(old)
    assert from_table(root.table()) == by_hand(root)


def test_an_empty_store_gives_empty_frames(root):
    assert root.table().empty
    assert root.runs().empty
    assert "task" in root.table().columns
    assert "group" in root.runs().columns


def test_failed_runs_are_in_the_table_with_what_they_had(root, monkeypatch):
    class Bad:
        def __init__(self, problem, seed):
            self.left, self.space = 3, problem.space

        def ask(self):
            self.left -= 1
            if self.left < 0:
                raise RuntimeError("nothing left")
            return Trial(self.space.default)

        def tell(self, trial, result):
            pass

    with pytest.raises(RuntimeError, match="RuntimeError: nothing left"):
        cl.run("sphere", Bad, budget=9, store=root, name="bad")
    (row,) = root.runs().itertuples()
    assert (row.state, row.n_trials, row.error) == ("failed", 3, "RuntimeError: nothing left")
    log = peek(root.root / row.file)
    assert "raise RuntimeError" in log.end["traceback"]


def test_names_become_folders_and_long_ones_end_in_a_hash():
    assert folder_name("bbob/dim:5/fid:3") == "bbob,dim=5,fid=3"
    long = "x/" + "/".join(f"option{i}:value" for i in range(60))
    assert len(folder_name(long).encode()) <= 200
    assert folder_name(long) != folder_name(long + "/z:1")
    for wrong in ("../up", "/abs", "a b", ""):
        with pytest.raises(InputError, match="may hold letters"):
            RunKey(wrong, "random", 0)


def test_the_key_spells_what_changes_a_trajectory_and_nothing_else():
    assert job().key.stem == "workers=1,seed=0"
    assert job(budget=99).key == job().key
    assert (
        job(n_workers=4, sync=True, overhead="measured").key.stem == "workers=4,sync,overhead=measured,budget=8,seed=0"
    )
    assert job(overhead=0.5).key.variant == "overhead=0.5"


def test_a_damaged_finished_run_is_replaced(root):
    do(root, job())
    path = log_of(root, job())
    whole = path.read_bytes()
    for damaged in (b"", whole[:700]):
        path.write_bytes(damaged)
        do(root, job())
        assert from_table(root.table()) == by_hand(root)
        assert len(root.table()) == 8


def test_a_table_written_between_two_reads_is_not_mixed_with_the_other(root, monkeypatch):
    from carps_lite import table

    fill(root)
    root.table()
    do(root, job("sphere", seed=5))
    original, once = table.pq.read_table, []

    def read_table(path, *args, **kwargs):
        content = original(path, *args, **kwargs)
        if "runs" in str(path) and not once:
            once.append(1)
            Store(root.root).table()  # another process, just now
        return content

    monkeypatch.setattr(table.pq, "read_table", read_table)
    assert from_table(root.table()) == by_hand(root)
    assert from_table(root.table()) == by_hand(root)


def test_a_run_that_is_replaced_while_it_is_read_is_no_error(root, monkeypatch):
    from carps_lite import table

    fill(root)
    original = table._spokesman

    def gone(entries):
        chosen = original(entries)
        if "brittle" in chosen.path:
            os.unlink(chosen.path)
        return chosen

    monkeypatch.setattr(table, "_spokesman", gone)
    assert "brittle/dim:2" not in set(root.table()["task"])
