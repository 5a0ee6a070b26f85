"""What people read as a whole: help pages, a check, the end of a sweep, the text of a report.

`make golden` writes the files anew; review the difference before it is committed.
"""

import html
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from made_sweep import make_sweep
from sweepspot.cli import COMMANDS
from sweepspot.report.terminal import leaderboard
from sweepspot.results import as_frame

HERE = Path(__file__).parent
WIDTH = 100


@pytest.fixture
def is_golden(request):
    """Return a function that compares a text with its file, or writes it when told to."""

    def compare(name, text):
        text = "\n".join(line.rstrip() for line in text.splitlines()) + "\n"
        file = HERE / f"{name}.txt"
        if request.config.getoption("--golden"):
            file.write_text(text, encoding="utf-8")
        assert text == file.read_text(encoding="utf-8")

    return compare


def printed(*arguments):
    environment = {**os.environ, "COLUMNS": str(WIDTH), "TERMINAL_WIDTH": str(WIDTH)}
    environment.pop("MLFLOW_TRACKING_URI", None)
    command = [sys.executable, "-m", "sweepspot", *arguments]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True
    ).stdout


@pytest.fixture(scope="module")
def made():
    return make_sweep()


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help(is_golden, command):
    is_golden(f"help-{command}".strip("-"), printed(*filter(None, [command, "--help"])))


@pytest.mark.slow
def test_check(is_golden, tmp_path):
    file = tmp_path / "quick.yaml"
    file.write_text(
        'name: quick\ndata: {source: "sklearn:digits"}\n'
        "space: {units: {int: [16, 256], log: true}}\n"
    )

    is_golden("check", printed("check", str(file)).replace(str(file), "quick.yaml"))


def test_leaderboard(is_golden, made):
    console = Console(file=io.StringIO(), width=WIDTH, color_system=None)

    frame = as_frame(made.results, made.diagnosis)
    console.print(leaderboard(frame, champion=made.selection.number, width=WIDTH))

    is_golden("leaderboard", console.file.getvalue())


def test_report(is_golden, made, tmp_path):
    page = made.write(tmp_path).read_text(encoding="utf-8")

    page = re.sub(r"(?s)<(style|script|svg)\b.*?</\1>", "", page)
    text = html.unescape(re.sub(r"<[^>]+>", "\n", page))
    is_golden("report", re.sub(r"\s*\n\s*", "\n", text))
