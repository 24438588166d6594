"""Storages of Optuna behind a URL: any database that SQLAlchemy opens, `redis://` journals, and `grpc://HOST:PORT`.

Nothing is written to them: a database without Optuna's tables is refused, not filled.
"""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from carps_lite.errors import InputError, MissingDependency, one_line

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

GRPC_SECONDS = 5.0  # how long a proxy may take to answer
_PACKAGES = {"mysqldb": "mysqlclient", "psycopg": "'psycopg[binary]'", "psycopg2": "psycopg2-binary"}


def shown(source: str) -> str:
    """A URL as messages may print it, without its password."""
    return re.sub(r"(://[^:/@]*):.*@", r"\1:***@", source)


@contextlib.contextmanager
def open_url(url: str) -> Iterator[BaseStorage]:
    """Open what is behind a URL. Raises InputError, in one line, where that cannot be done."""
    scheme = url.partition("://")[0]
    if scheme == "grpc":
        opened = _grpc(url)
    elif scheme in ("redis", "rediss"):
        opened = _redis(url)
    else:
        opened = open_database(url, shown(url))
    with opened as storage:
        yield storage


@contextlib.contextmanager
def open_database(url: str, name: str, complete: bool = True) -> Iterator[BaseStorage]:
    """Open a database that SQLAlchemy knows, called `name`; `complete`: its tables are to be there already."""
    from optuna.storages import RDBStorage

    with as_input_error(name):
        if complete:
            _check(url, name)
        storage = RDBStorage(url, skip_table_creation=complete)
    try:
        yield storage
    finally:
        storage.remove_session()
        storage.engine.dispose()


@contextlib.contextmanager
def _grpc(url: str) -> Iterator[BaseStorage]:
    try:
        grpc: Any = import_module("grpc")  # untyped
        from optuna.exceptions import ExperimentalWarning
        from optuna.storages import GrpcStorageProxy
    except ImportError:
        raise MissingDependency(f"{url} needs grpcio and protobuf: pip install grpcio protobuf") from None
    with as_input_error(url):
        where = urlsplit(url)
        if not where.hostname or not where.port:
            raise InputError(f"Optuna's proxy must be grpc://HOST:PORT, got {url}")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            storage = GrpcStorageProxy(host=where.hostname, port=where.port)
        channel = grpc.insecure_channel(f"{where.hostname}:{where.port}")
        try:
            grpc.channel_ready_future(channel).result(timeout=GRPC_SECONDS)
        except grpc.FutureTimeoutError:
            raise InputError(f"nobody answers at {url}") from None
        finally:
            channel.close()
    try:
        yield storage
    finally:
        storage.close()


@contextlib.contextmanager
def _redis(url: str) -> Iterator[BaseStorage]:
    from optuna.exceptions import ExperimentalWarning
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalRedisBackend

    with as_input_error(shown(url)), warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        try:
            storage = JournalStorage(JournalRedisBackend(url))
        except ImportError:
            raise MissingDependency(f"{shown(url)} needs redis: pip install redis") from None
    yield storage


def _check(url: str, name: str) -> None:
    """Raise InputError where there is no driver, no database, or none of Optuna's tables in it."""
    from sqlalchemy import create_engine, inspect
    from sqlalchemy.engine import make_url

    try:
        engine = create_engine(url)
    except ImportError as error:
        driver = make_url(url).get_driver_name()
        package = _PACKAGES.get(driver, driver)
        raise MissingDependency(f"{name} needs the database driver {driver}: pip install {package}") from error
    file = engine.url.database
    if engine.dialect.name == "sqlite" and file and not Path(file).exists():
        raise InputError(f"cannot open {name}: there is no such file")  # which SQLite would make
    try:
        if not inspect(engine).has_table("studies"):
            raise InputError(f"{name} is no storage of Optuna: it has no table 'studies'")
    finally:
        engine.dispose()


@contextlib.contextmanager
def as_input_error(name: str) -> Iterator[None]:
    """Turn what SQLAlchemy, a driver or Optuna's schema check raises into one line."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        said = one_line(error).partition(" (Background on this error")[0]
        raise InputError(f"cannot open {name}: {said[:200]}") from error
