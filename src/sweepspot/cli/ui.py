"""`sweepspot ui`."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import webbrowser
from typing import Annotated

import typer

__all__ = ["ui"]

OPENS_AFTER_S = 12.0
"""When `ui` opens the browser: the server needs about ten seconds to start."""


def ui(
    uri: Annotated[str | None, typer.Option(help="MLflow tracking URI.")] = None,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 5000,
) -> None:
    """Show the sweeps in the MLflow UI, on 127.0.0.1."""
    from sweepspot.tracking.mlflow_store import resolve
    from sweepspot.tracking.views import views

    store = resolve(uri)
    is_server = store.startswith(("http:", "https:"))
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
    subprocess.run([sys.executable, *arguments], env=quiet, check=False)
