"""A process that has imported what workers need, and becomes each of them by forking."""

from __future__ import annotations

import gc
import importlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import cast

from sweepspot.errors import SweepspotError

__all__ = ["ForkServer", "serve"]

DYING_S = 5.0
"""How long a worker that has closed its connection may take to end."""

START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from sweepspot.executors.forkserver import serve; "
    "serve(int(sys.argv[2]), json.loads(sys.argv[3]))"
)


class ForkServer:
    """Starts workers within milliseconds, which share the memory of all that is imported.

    It is a program of its own, not a child made by `multiprocessing`: nothing of the driver is
    imported again, so a script needs no `if __name__ == "__main__":`. See docs/decisions/0053.

    Attributes:
        log: Is given what the workers print.
    """

    def __init__(self, log: Path, preload: Sequence[str]) -> None:
        """Begin to import; does not wait for it.

        Args:
            log: Is given what the workers print.
            preload: Modules to import once for all workers.
        """
        self.log = log
        self._preload = list(preload)
        self._launch()

    def fork(self) -> tuple[int, Connection]:
        """Start a worker, once everything is imported.

        Returns:
            Its process id, and the connection to it.

        Raises:
            SweepspotError: The server could not be started, or ends whenever it is.
        """
        for attempt in range(2):
            ours, theirs = socket.socketpair()
            try:
                with theirs:
                    socket.send_fds(self._control, [b"fork"], [theirs.fileno()])
                answer = self._answer()
            except (OSError, EOFError):
                ours.close()
                # Something has killed it; the workers that it started live on.
                self.close()
                if not attempt:
                    self._launch()
                continue
            if answer.isdecimal():
                return int(answer), Connection(ours.detach())
            ours.close()
            raise self._not_started(answer)
        raise self._not_started(self._last_line() or "no word from them")

    def exit_code(self, pid: int) -> int | None:
        """Return how a worker ended, minus the signal's number if by a signal; None if unknown."""
        try:
            self._control.sendall(b"wait %d" % pid)
            code = self._answer()
        except (OSError, EOFError):
            return None
        return int(code) if code != "unknown" else None

    def close(self) -> None:
        """End every worker and the server."""
        # It kills the workers when it finds this closed; while it imports there are none.
        self._control.close()
        if not self._ready:
            self._process.kill()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _not_started(self, got: str) -> SweepspotError:
        return SweepspotError(
            f"workers: must start, got {got}; "
            f"see {self.log}, or train in the driver with workers: 1"
        )

    def _last_line(self) -> str:
        """Return the last line that a worker or the server printed."""
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        except OSError:
            return ""
        return lines[-1][:300] if lines else ""

    def _launch(self) -> None:
        self._ready = False
        self._control, theirs = socket.socketpair()
        paths = json.dumps([str(Path(p).absolute()) for p in sys.path])
        with theirs, self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-c",
                    START,
                    paths,
                    str(theirs.fileno()),
                    json.dumps(self._preload),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[theirs.fileno()],
            )

    def _answer(self) -> str:
        answer = self._control.recv(64)
        if not answer:
            raise EOFError
        self._ready = True
        return answer.decode()


def serve(descriptor: int, preload: Sequence[str]) -> None:
    """Fork workers until the driver is gone, then end them all.

    Args:
        descriptor: Of the socket to the driver.
        preload: Modules to import first.
    """
    # An interrupt goes to every process of the terminal; the driver is the one to act on it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for stream in (sys.stdout, sys.stderr):
        # Ended by a signal, a worker would keep what it has printed to itself.
        cast(io.TextIOWrapper, stream).reconfigure(line_buffering=True)
    for name in preload:
        importlib.import_module(name)
    gc.collect()
    # The collector would write to every object, and so copy what the workers share.
    gc.freeze()
    children: set[int] = set()
    with socket.socket(fileno=descriptor) as control:
        try:
            while _serve_one(control, children):
                pass
        except OSError:
            # The driver went away in the middle of a question.
            pass
        finally:
            _end(children)


def _serve_one(control: socket.socket, children: set[int]) -> bool:
    """Answer one question, and say whether there was one."""
    message, descriptors, _, _ = socket.recv_fds(control, 64, 1)
    if not message:
        return False
    if message == b"fork":
        control.sendall(_forked(control, descriptors[0], children).encode())
    else:
        pid = int(message.split()[1])
        children.discard(pid)
        control.sendall(_wait_for(pid).encode())
    return True


def _forked(control: socket.socket, descriptor: int, children: set[int]) -> str:
    """Return the new worker's process id, or why the system gave none."""
    try:
        pid = _fork(control, descriptor, children)
    except OSError as exc:
        # The workers that there are go on.
        os.close(descriptor)
        return str(exc.strerror)
    children.add(pid)
    return str(pid)


def _fork(control: socket.socket, descriptor: int, children: set[int]) -> int:
    with warnings.catch_warnings():
        # TensorFlow's import leaves idle threads behind, and forking is safe until it computes.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid:
        os.close(descriptor)
        return pid
    code = 1
    try:
        children.clear()
        control.close()
        code = _become_worker(descriptor)
    finally:
        # Not past this point: the server's loop, and what it would clean up, are its own.
        os._exit(code)


def _become_worker(descriptor: int) -> int:
    from sweepspot.executors.worker import work  # noqa: PLC0415 - the driver needs none of it

    return work(Connection(descriptor))


def _wait_for(pid: int) -> str:
    end = time.monotonic() + DYING_S
    try:
        while not (found := os.waitpid(pid, os.WNOHANG))[0]:
            if time.monotonic() > end:
                os.kill(pid, signal.SIGKILL)
                found = os.waitpid(pid, 0)
                break
            time.sleep(0.005)
    except ChildProcessError:
        return "unknown"
    return str(os.waitstatus_to_exitcode(found[1]))


def _end(children: set[int]) -> None:
    for pid in children:
        os.kill(pid, signal.SIGKILL)
    for pid in children:
        os.waitpid(pid, 0)
