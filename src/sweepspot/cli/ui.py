"""`sweepspot ui`."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import webbrowser
from typing import Annotated

import typer

from sweepspot.errors import SweepspotError

__all__ = ["ui"]

OPENS_AFTER_S = 12.0
"""When `ui` opens the browser: the server needs about ten seconds to start."""


def ui(
    uri: Annotated[str | None, typer.Option(help="MLflow tracking URI.")] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on 127.0.0.1.")] = 5000,
) -> None:
    """Show the sweeps in the MLflow UI, on 127.0.0.1."""
    from sweepspot.tracking.mlflow_store import resolve
    from sweepspot.tracking.views import views

    store = resolve(uri)
    is_server = store.startswith(("http:", "https:"))
    if not is_server:
        _check_free(port)
    root = store.rstrip("/") if is_server else f"http://127.0.0.1:{port}"
    found = views(store)
    typer.echo(f"MLflow UI: {root}" + ("" if is_server else "   (Ctrl-C ends it)"))
    for sweep, path in found.items():
        typer.echo(f"  {sweep}: {root}{path}")
    newest = root + next(iter(found.values()), "")
    if is_server:
        webbrowser.open(newest)
        return
    # It takes some seconds until the server answers; the browser asks again by itself.
    timer = threading.Timer(OPENS_AFTER_S, webbrowser.open, [newest])
    timer.daemon = True
    timer.start()
    arguments = ["-m", "mlflow", "ui", "--backend-store-uri", store]
    arguments += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", **os.environ}
    try:
        ended = subprocess.run([sys.executable, *arguments], env=quiet, check=False)
    except KeyboardInterrupt:
        # The way it is meant to end: there is nothing to go on with.
        return
    finally:
        timer.cancel()
    raise typer.Exit(ended.returncode)


# MLflow 3.17 starts for ten seconds until it finds a port taken, and then exits with 0.
def _check_free(port: int) -> None:
    with socket.socket() as probe:
        # As the server does: a port left a moment ago is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as exc:
            raise SweepspotError(
                f"--port {port}: must be free on 127.0.0.1, got {exc.strerror}; "
                "name another, or end what listens there"
            ) from exc
