"""Where tests find data that is not in the repository, and what several of them start from."""

import os
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data"

if "CARPS_LITE_DATA_DIR" not in os.environ and SHARED.is_dir():
    os.environ["CARPS_LITE_DATA_DIR"] = str(SHARED)


@pytest.fixture
def own_folder(tmp_path, monkeypatch):
    """The working directory of a test that writes to it; see `pytestmark` at the head of the files that ask for it."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def carps(capsys):
    """The command line in this process: arguments in; exit code, standard output and standard error out."""
    from carps_lite.cli import main

    def call(*args):
        code = main(list(args))
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


@pytest.fixture(scope="session")
def published():
    """20 tasks x 13 optimizers: final means published with carps 1.1.0."""
    import pandas as pd

    folder = Path(os.environ.get("CARPS_LITE_TEST_DATA", SHARED))
    file = folder / "oracles" / "carps110_blackbox_test_final_means.csv"
    if not file.exists():
        pytest.skip(f"no {file.name} under {folder}; CARPS_LITE_TEST_DATA names the folder")
    return pd.read_csv(file, index_col=0)
