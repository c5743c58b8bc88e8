"""A second platform, for moving time on: started by the platform's own command, stopped when the story is over.

The command is run, never imported: `python -m deploy.local throwaway` prints one line of JSON when it is ready.
"""

import importlib.util
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from molt.demo.scene import Scene
from molt.problems import MoltError

_COMMAND = [sys.executable, "-m", "deploy.local", "throwaway"]
_STOP_TIMEOUT_SECONDS = 30


class Throwaway:
    """A platform that is starting while the story goes on elsewhere."""

    def __init__(self, process: "subprocess.Popen[str]", log: IO[str]) -> None:
        self._process = process
        self._log = log

    def scene(self) -> Scene:
        """Waits until it is ready. Raises `MoltError` with its last words when it does not start."""
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            self._log.seek(0)
            raise MoltError(
                f"the throwaway platform did not start:\n{self._log.read()[-1500:]}",
                hint=f"try it alone: {' '.join(_COMMAND)}",
            )
        ready = json.loads(line)
        return Scene.at(ready["url"], ready["operator_token"], rpc_url=ready["rpc_url"])


@contextmanager
def starting() -> Iterator[Throwaway | None]:
    """Starts it; `None` where only this package is installed, without the platform."""
    if importlib.util.find_spec("deploy") is None:
        yield None
        return
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(_COMMAND, stdout=subprocess.PIPE, stderr=log, text=True)  # noqa: S603  # fixed words
        try:
            yield Throwaway(process, log)
        finally:
            _stop(process)


def _stop(process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOP_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
