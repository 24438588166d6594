"""`carps-lite data`: pip brings a pinned wheel from a folder; what is kept is whole, checked and named. No network."""

import hashlib
import os
import re
import time
from importlib.metadata import PackageNotFoundError, version
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest

from carps_lite import catalog, cli, data
from carps_lite.errors import InputError
from carps_lite.locate import locate

_spec = spec_from_file_location("archives", Path(__file__).with_name("archives.py"))
archives = module_from_spec(_spec)
_spec.loader.exec_module(archives)

NUMBERS = np.arange(12.0).reshape(3, 4)
EXTRACT = """
import io
import numpy as np

def extract(archive):
    with np.load(io.BytesIO(archive.read("toy/numbers.npz"))) as file:
        return {"numbers": file["a"], "names": np.array(["x", "y"])}
"""
ENTRY = """
_target_: {target}
package: toy
version: {version}
wheel: toy-{version}-py3-none-any.whl
sha256: {sha256}
format: {format}
meta: {{summary: made up, tasks: [toy], download: 1 kB, licence: the licence, citation: "Nobody (2026), Nothing"}}
"""


@pytest.fixture(scope="module")
def extractor(tmp_path_factory):
    """A module of the user's own, importable once for all tests of this file."""
    folder = tmp_path_factory.mktemp("code")
    (folder / "toy_extractor_of_tests.py").write_text(EXTRACT)
    return folder


@pytest.fixture
def toy(tmp_path, monkeypatch, extractor):
    """A working directory whose ./configs/data names a wheel in ./index, which is all that pip can see."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(extractor))
    for name, value in {
        "CARPS_LITE_DATA_DIR": str(tmp_path / "deep" / "data"),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(tmp_path / "index"),
        "PIP_CONFIG_FILE": "/dev/null",
    }.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "index").mkdir()
    wheel = tmp_path / "index" / "toy-1.0-py3-none-any.whl"
    archives.wheel(wheel, {"toy/__init__.py": "raise SystemExit", "toy/numbers.npz": archives.npz(a=NUMBERS)})
    (tmp_path / "configs" / "data").mkdir(parents=True)
    name_it(sha256=hashlib.sha256(wheel.read_bytes()).hexdigest())
    return tmp_path


def name_it(sha256="0" * 64, version="1.0", format=1, target="toy_extractor_of_tests.extract"):
    entry = ENTRY.format(sha256=sha256, version=version, format=format, target=target)
    Path("configs/data/toy.yaml").write_text(entry)
    catalog._read.cache_clear()


def bring():
    """Without pip, which takes half a second: the wheel is where a download would be."""
    return data.fetch("toy", Path("index"))


def kept():
    return sorted(p.name for p in data.folder().iterdir()) if data.folder().exists() else []


def without_pip(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("pip was called")

    monkeypatch.setattr(data.subprocess, "run", refuse)


def test_get_keeps_the_data_alone_and_says_licence_and_citation(toy, capsys):
    assert cli.main(["data", "get", "toy"]) == 0
    said = capsys.readouterr().out
    assert "licence: the licence" in said
    assert "cite: Nobody (2026), Nothing" in said
    assert kept() == ["toy.npz"]
    arrays = data.load("toy")
    assert sorted(arrays) == sorted(data.contents("toy")) == ["names", "numbers"]
    np.testing.assert_array_equal(arrays["numbers"], NUMBERS)
    assert arrays["names"].tolist() == ["x", "y"]
    assert list(data.load("toy", ["numbers", "nothing"])) == ["numbers"]
    with pytest.raises(PackageNotFoundError):
        version("toy")
    assert sorted(p.name for p in toy.iterdir()) == ["configs", "deep", "index"]


def test_a_second_get_brings_nothing(toy, capsys, monkeypatch):
    cli.main(["data", "get", "toy"])
    capsys.readouterr()
    without_pip(monkeypatch)
    assert cli.main(["data", "get", "toy", "toy"]) == 0
    assert capsys.readouterr().out.splitlines() == [f"toy: {data.path('toy')} is there"]


def test_two_data_sets_of_one_wheel_are_one_download(toy, capsys, monkeypatch):
    other = Path("configs/data/toy.yaml").read_text()
    Path("configs/data/toy2.yaml").write_text(other)
    calls, run = [], data.subprocess.run
    monkeypatch.setattr(data.subprocess, "run", lambda *a, **k: calls.append(a) or run(*a, **k))
    assert cli.main(["data", "get", "toy", "toy2"]) == 0
    assert kept() == ["toy.npz", "toy2.npz"]
    assert len(calls) == 1
    assert capsys.readouterr().out.count("bringing") == 1


def test_a_wrong_checksum_is_one_line_and_keeps_nothing(toy, capsys):
    name_it(sha256="ab" * 32)
    assert cli.main(["data", "get", "toy"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].startswith("toy-1.0-py3-none-any.whl has sha256 ")
    assert "ab" * 32 in said[0]
    assert kept() == []


def test_what_pip_cannot_find_is_one_line(toy, capsys):
    name_it(version="2.0")
    assert cli.main(["data", "get", "toy"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].startswith("pip could not bring toy==2.0: ")
    assert kept() == []


@pytest.mark.parametrize("before", [False, True])
def test_an_interruption_leaves_nothing_half(toy, monkeypatch, before):
    if before:
        bring()
        data.path("toy").write_bytes(data.path("toy").read_bytes()[:-100])
    old = {p.name: p.read_bytes() for p in data.folder().iterdir()} if before else {}

    def half(file, **arrays):
        file.write(b"PK half of it")
        raise KeyboardInterrupt

    monkeypatch.setattr(data.np, "savez_compressed", half)
    assert cli.main(["data", "get", "toy"]) == 130
    assert {name: (data.folder() / name).read_bytes() for name in kept()} == old


def test_what_a_killed_process_left_is_cleared_away_later(toy):
    data.folder().mkdir(parents=True)
    for name, age in (("old", 7200), ("young", 10)):
        left = data.folder() / f".toy-{name}.part"
        left.touch()
        os.utime(left, (time.time() - age, time.time() - age))
    bring()
    assert kept() == [".toy-young.part", "toy.npz"]


@pytest.mark.parametrize("content", [b"", b"not a zip", None], ids=["empty", "foreign", "cut"])
def test_a_damaged_file_is_named_and_brought_again(toy, capsys, content):
    bring()
    file = data.path("toy")
    file.write_bytes(file.read_bytes()[:-30] if content is None else content)
    with pytest.raises(InputError, match=rf"^{re.escape(str(file))} is damaged .*carps-lite data get toy"):
        data.load("toy")
    assert cli.main(["data", "get", "toy"]) == 0
    np.testing.assert_array_equal(data.load("toy")["numbers"], NUMBERS)


def test_a_flipped_bit_is_noticed(toy):
    bring()
    content = bytearray(data.path("toy").read_bytes())
    content[80] ^= 1
    data.path("toy").write_bytes(content)
    with pytest.raises(InputError, match="is damaged"):
        data.load("toy")


def test_data_of_another_pin_are_stale(toy):
    bring()
    name_it(sha256=data.source("toy").sha256, format=2)
    with pytest.raises(InputError, match=r"was made from .* carps-lite data get toy"):
        data.load("toy")
    assert not data.is_intact("toy")
    bring()
    assert data.is_intact("toy")


@pytest.mark.parametrize(("folder", "said"), [("index/toy.whl/x", "make the data folder"), ("ok", "write")])
def test_a_folder_that_cannot_be_written_is_one_line(toy, capsys, monkeypatch, folder, said):
    (toy / "index" / "toy.whl").touch()
    monkeypatch.setenv("CARPS_LITE_DATA_DIR", str(toy / folder))

    def full(file, **arrays):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(data.np, "savez_compressed", full)
    with pytest.raises(InputError, match=f"^cannot {said} {toy / folder}"):
        bring()
    assert not folder.startswith("ok") or kept() == []


def test_missing_data_are_one_line(toy):
    assert data.missing("toy") == "no data for toy: carps-lite data get toy"
    with pytest.raises(InputError, match=r"^no data for toy: carps-lite data get toy$"):
        data.load("toy")


def test_the_list_says_what_is_there(toy, capsys):
    assert cli.main(["data", "list"]) == 0
    line = next(s for s in capsys.readouterr().out.splitlines() if s.startswith("toy "))
    assert "missing" in line
    bring()
    capsys.readouterr()
    cli.main(["data", "list"])
    line = next(s for s in capsys.readouterr().out.splitlines() if s.startswith("toy "))
    assert "MB" in line
    cli.main(["data", "list", "toy"])
    said = capsys.readouterr().out
    assert data.source("toy").sha256 in said
    assert "citation: Nobody" in said


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["get", "hpobb"], "no data set named 'hpobb'; did you mean 'hpob'?"),
        (["get"], "data get needs a name: "),
        (["list", "a", "b"], "data takes list [NAME] or get NAME ..."),
        (["bring", "hpob"], "data takes list [NAME] or get NAME ..."),
        ([], "data takes list [NAME] or get NAME ..."),
    ],
)
def test_a_wrong_command_is_one_line(toy, capsys, args, message):
    assert cli.main(["data", *args]) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].startswith(message)
    assert kept() == []


def test_a_wrong_name_ends_it_before_anything_is_brought(toy, monkeypatch):
    without_pip(monkeypatch)
    assert cli.main(["data", "get", "toy", "toi"]) == 2


@pytest.mark.parametrize("name", data.names())
def test_packaged_entries_are_complete(name):
    source = data.source(name)
    assert re.fullmatch(r"[0-9a-f]{64}", source.sha256)
    assert source.wheel.startswith(f"{source.package.replace('-', '_')}-{source.version}-")
    assert source.wheel.endswith("-none-any.whl")
    assert callable(locate(source.target))
    assert {"summary", "tasks", "download", "licence", "citation"} <= set(source.meta)
    for task in source.meta["tasks"]:
        meta = catalog.load("tasks", task).meta
        assert meta["data"] == name
        assert (meta["licence"], meta["citation"]) == (source.meta["licence"], source.meta["citation"])


LONG = "x" * 300  # no file system takes it, and looking for it is an error, for root as well


def test_a_folder_that_cannot_be_looked_into_is_one_line(toy, capsys, monkeypatch):
    monkeypatch.setenv("CARPS_LITE_DATA_DIR", LONG)
    with pytest.raises(
        InputError, match=r"^cannot look for x+/toy\.npz \(.+\): make its folder readable, or set \w+ to"
    ):
        data.load("toy")
    assert not data.is_intact("toy")
    assert cli.main(["data", "list"]) == 0
    assert cli.main(["data", "list", "toy"]) == 0
    assert "file: cannot look for" in capsys.readouterr().out
    assert cli.main(["data", "get", "toy"]) == 2
    assert cli.main(["run", "task=reactions", "optimizer=random", "budget=1"]) == 2
    assert cli.main(["list", "tasks"]) == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")
def test_what_may_not_be_read_or_written_is_one_line(toy, monkeypatch):
    data.fetch("toy", toy)
    data.path("toy").chmod(0)
    with pytest.raises(InputError, match=r"^cannot read .+toy\.npz: Permission denied"):
        data.load("toy")
    data.folder().chmod(0o500)
    with pytest.raises(InputError, match="cannot write to the data folder"):
        data.fetch("toy", toy)
    data.folder().chmod(0)
    with pytest.raises(InputError, match="cannot look for"):
        data.load("toy")
    data.folder().chmod(0o700)
