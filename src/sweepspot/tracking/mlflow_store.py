"""Where an MLflow store is, whether it is usable, and what its errors mean to a person."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from sweepspot.errors import TrackingError, first_line
from sweepspot.folders import ARTIFACTS, HOME, STORE
from sweepspot.tracking.refused import RefusedError

__all__ = ["artifact_root", "connect", "redacted", "resolve", "sqlite_path", "translated"]

DEFAULT_URI = f"sqlite:///{HOME / STORE}"
_SQLITE = "sqlite:///"
_REMEDY = "use sqlite:///path/to/file.db or http://host:port"
# Anything else - no answer, 5xx, too many requests - may be different in a moment.
_REFUSALS = frozenset({400, 401, 403, 404, 409, 501})


def resolve(uri: str | None) -> str:
    """Return the tracking URI to use, a relative SQLite path made absolute.

    Args:
        uri: As written by the user; when None, `MLFLOW_TRACKING_URI` or the default store.

    Example:
        >>> resolve("http://127.0.0.1:5000")
        'http://127.0.0.1:5000'
    """
    chosen = uri or os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_URI
    path = sqlite_path(chosen)
    return f"{_SQLITE}{path.absolute()}" if path else chosen


def sqlite_path(uri: str) -> Path | None:
    """Return the file of a SQLite store, None for every other store."""
    path = uri.removeprefix(_SQLITE)
    return Path(path) if uri.startswith(_SQLITE) and path not in ("", ":memory:") else None


def artifact_root(uri: str) -> str | None:
    """Return where a local store keeps files: beside its database; None when the server decides."""
    path = sqlite_path(uri)
    return (path.parent / ARTIFACTS).as_uri() if path else None


def connect(uri: str) -> MlflowClient:
    """Open a store, and make its tables if it is a new one.

    Raises:
        TrackingError: The URI is not one, or its store cannot be opened.
    """
    try:
        if path := sqlite_path(uri):
            _check_sqlite(path)
        return MlflowClient(tracking_uri=uri)
    except RefusedError:
        raise
    except Exception as exc:
        # Every kind of store has exceptions of its own here: drivers, dialects, schema versions.
        raise RefusedError(
            f"tracking.uri: cannot open {redacted(uri)} ({_line(exc)}); {_REMEDY}"
        ) from exc


@contextmanager
def translated(uri: str) -> Iterator[None]:
    """Turn what MLflow raises into our own errors, of one line.

    Raises:
        RefusedError: The store has answered, and would answer the same again.
        TrackingError: The store does not answer now.
    """
    try:
        yield
    except FileNotFoundError as exc:
        raise RefusedError(f"tracking: cannot read {exc.filename}; it must exist") from exc
    except (MlflowException, OSError) as exc:
        if isinstance(exc, MlflowException) and _http_status(exc) in _REFUSALS:
            raise RefusedError(
                f"tracking: refused by the store at {redacted(uri)} ({_line(exc)})"
            ) from exc
        raise TrackingError(
            f"tracking: the store at {redacted(uri)} does not answer ({_line(exc)}); "
            "start it, or name another store by tracking.uri or --uri"
        ) from exc


def redacted(uri: str) -> str:
    """Return a URI without the password in it.

    Example:
        >>> redacted("postgresql://me:secret@db/runs")
        'postgresql://me:***@db/runs'
    """
    password = urlsplit(uri).password
    return uri.replace(f":{password}@", ":***@") if password else uri


# MLflow tries ten times over almost two minutes to open a file that is not a database.
def _check_sqlite(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _make_sqlite(path)
        with closing(sqlite3.connect(path, timeout=20)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("SELECT name FROM sqlite_master LIMIT 1").fetchone()
            connection.rollback()
    except (OSError, sqlite3.Error) as exc:
        raise RefusedError(
            f"tracking.uri: must be a SQLite file that can be written, got {path} ({exc}); "
            "mend or move it, or name another store by tracking.uri or --uri"
        ) from exc


# A process killed in the middle of MLflow's migrations leaves a file that never opens again, so a
# new database gets its name when it is whole.
def _make_sqlite(path: Path) -> None:
    with TemporaryDirectory(dir=path.parent, prefix=".new-", ignore_cleanup_errors=True) as folder:
        made = Path(folder, path.name)
        MlflowClient(tracking_uri=f"{_SQLITE}{made}")
        if not path.exists():
            made.rename(path)


def _http_status(exc: MlflowException) -> int:
    return int(exc.get_http_status_code())  # type: ignore[no-untyped-call]


def _line(exc: BaseException) -> str:
    """Return the deepest cause that says what happened on the wire, or the first line."""
    cause: BaseException | None = exc
    while cause is not None:
        if isinstance(cause, ConnectionError | TimeoutError) and cause.args:
            return str(cause)
        cause = cause.__cause__ or cause.__context__
    return first_line(exc)
