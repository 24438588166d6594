"""Optuna's storages behind a URL: PostgreSQL, MySQL, any form of SQLAlchemy's, the gRPC proxy; nothing is written."""

import os
import shutil
import socket
import sqlite3
import subprocess
import threading
import time
from pathlib import Path

import optuna
import pytest

from carps_lite.exchange.optuna_urls import shown
from carps_lite.store import Store

optuna.logging.set_verbosity(optuna.logging.ERROR)
pytestmark = pytest.mark.usefixtures("own_folder")


def fill(storage):
    study = optuna.create_study(storage=storage, study_name="mine|tpe|3", sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=5)
    return [t.values[0] for t in study.trials]


def imported(carps, url):
    code, out, err = carps("import", "optuna", url, "names={task}|{optimizer}|{seed}")
    assert (code, err) == (0, ""), err
    assert "1 run of 1 optimizer on 1 task, 5 trials: 1 imported" in out
    return Store().table()["value"].tolist()


def free_port():
    with socket.socket() as one:
        one.bind(("localhost", 0))
        return one.getsockname()[1]


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    """The URL of an empty database of a server of our own."""
    pytest.importorskip("psycopg", reason="needs psycopg")
    initdb = shutil.which("initdb")
    if initdb is None or shutil.which("postgres") is None:
        pytest.skip("no PostgreSQL server on this machine (initdb, postgres)")
    root = os.geteuid() == 0
    if root and "postgres" not in Path("/etc/passwd").read_text():
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
    user = {"user": "postgres", "group": "postgres", "extra_groups": []} if root else {}
    folder = Path("/tmp") / f"carps-lite-pg-{os.getpid()}"
    folder.mkdir(mode=0o700)
    if root:
        shutil.chown(folder, "postgres", "postgres")
    port = free_port()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder, **user}
    server = None
    try:
        subprocess.run([initdb, "-D", "data", "-U", "me", "-A", "trust", "--no-sync"], check=True, timeout=60, **quiet)
        args = ["-D", "data", "-p", str(port), "-k", str(folder), "-c", "fsync=off"]
        server = subprocess.Popen([shutil.which("postgres"), *args], **quiet)
        yield _when_it_answers(f"postgresql+psycopg://me:secret@localhost:{port}/postgres")
    finally:
        if server is not None:
            server.terminate()
            server.wait(20)
        shutil.rmtree(folder)


def _when_it_answers(url):
    from sqlalchemy import create_engine
    from sqlalchemy.exc import OperationalError

    for _ in range(100):
        engine = create_engine(url)
        try:
            engine.connect().close()
        except OperationalError:
            time.sleep(0.1)
        else:
            return url
        finally:
            engine.dispose()
    raise TimeoutError("the server does not answer")


def test_postgresql(carps, postgres):
    code, _, err = carps("import", "optuna", postgres, "task=a", "optimizer=b", "seed=0")
    assert (code, err.count("\n")) == (2, 1)
    assert "secret" not in err
    from sqlalchemy import create_engine, inspect

    engine = create_engine(postgres)
    assert inspect(engine).get_table_names() == []  # it was looked at, not filled
    engine.dispose()
    storage = optuna.storages.RDBStorage(postgres)
    values = fill(storage)
    storage.remove_session()
    storage.engine.dispose()
    assert imported(carps, postgres) == values
    source = Store().runs()["header"][0]["imported"]
    assert (source["file"], source["study"]) == ("postgres", "mine|tpe|3")


def test_mysql(carps):
    url = os.environ.get("CARPS_LITE_TEST_MYSQL")
    if url is None:
        pytest.skip("no MySQL server; CARPS_LITE_TEST_MYSQL names an empty database, mysql+pymysql://...")
    values = fill(url)
    assert imported(carps, url) == values


def test_a_form_of_sqlalchemy_s_own(carps):
    values = fill("sqlite:///a.db")
    assert imported(carps, "sqlite+pysqlite:///a.db") == values


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")  # of the server
def test_grpc(carps):
    pytest.importorskip("grpc", reason="needs grpcio")
    from optuna.storages import InMemoryStorage, run_grpc_proxy_server

    storage, port = InMemoryStorage(), free_port()
    values = fill(storage)
    threading.Thread(target=run_grpc_proxy_server, args=(storage,), kwargs={"port": port}, daemon=True).start()
    assert imported(carps, f"grpc://localhost:{port}") == values


def test_nobody_behind_a_grpc_url(carps, monkeypatch):
    pytest.importorskip("grpc", reason="needs grpcio")
    monkeypatch.setattr("carps_lite.exchange.optuna_urls.GRPC_SECONDS", 0.2)
    url = f"grpc://localhost:{free_port()}"
    assert carps("import", "optuna", url) == (2, "", f"nobody answers at {url}\n")
    assert carps("import", "optuna", "grpc://x")[2] == "Optuna's proxy must be grpc://HOST:PORT, got grpc://x\n"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nosuch://a:b@h/x", "cannot open nosuch://a:***@h/x: Can't load plugin: sqlalchemy.dialects:nosuch"),
        ("oracle://a:hush@h/x", "oracle://a:***@h/x needs the database driver oracledb: pip install oracledb"),
        ("mssql+pymssql://a:hush@h/x", "needs the database driver pymssql: pip install pymssql"),
        (
            "sqlite+pysqlite:////no/such/x.db",
            "cannot open sqlite+pysqlite:////no/such/x.db: there is no such file",
        ),
        ("://", "cannot open ://: "),
        ("postgresql://a:hush@h:port/x", "cannot open postgresql://a:***@h:port/x: "),
    ],
)
def test_a_wrong_url_is_one_line_without_its_password(carps, tmp_path, url, said):
    code, out, err = carps("import", "optuna", url)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err
    assert "hush" not in err
    assert not (tmp_path / "results").exists()


def test_a_database_of_somebody_else_is_refused_and_not_filled(carps, tmp_path):
    with sqlite3.connect(tmp_path / "a.db") as database:
        database.execute("create table mine (x int)")
    database.close()
    before = (tmp_path / "a.db").read_bytes()
    code, _, err = carps("import", "optuna", "sqlite+pysqlite:///a.db")
    assert (code, err.count("\n")) == (2, 1)
    assert err == "sqlite+pysqlite:///a.db is no storage of Optuna: it has no table 'studies'\n"
    assert (tmp_path / "a.db").read_bytes() == before


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://me:a:b/c@h:1/x", "postgresql://me:***@h:1/x"),
        ("redis://:pw@h:1", "redis://:***@h:1"),
        ("grpc://h:13000", "grpc://h:13000"),
        ("mysql://me@h/x", "mysql://me@h/x"),
        ("a/b:c@d.db", "a/b:c@d.db"),
    ],
)
def test_passwords_are_hidden(url, said):
    assert shown(url) == said
