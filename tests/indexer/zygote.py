"""Starts indexers in milliseconds: a process that has imported everything, and forks one for each line that it reads.

What runs in the fork is `python -m indexer` to the letter, but for the two seconds of imports. A line is JSON:
`{"environment": {…}, "arguments": ["run"], "logs": "/a/folder"}`; the answer is the fork's process id, which
is also the name of its log in that folder.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self


class Zygote:
    """The other end. What still runs when the context ends is killed."""

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.indexer.zygote"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(20)

    def start(self, environment: dict[str, str], logs: Path, *arguments: str) -> int:
        """The process id of `python -m indexer …`, which logs into the file of that name in the folder."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line = {"environment": environment, "arguments": arguments, "logs": str(logs)}
        self._process.stdin.write(json.dumps(line) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def _serve() -> None:
    from indexer import __main__ as indexer

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the dead
    running = []
    while line := sys.stdin.readline():
        asked = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become(asked)
            os._exit(indexer.main())
        running.append(pid)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
    for pid in running:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _become(asked: dict[str, object]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(asked["environment"])  # type: ignore[call-overload]
    sys.argv = ["indexer", *asked["arguments"]]  # type: ignore[misc]
    log = os.open(f"{asked['logs']}/{os.getpid()}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.dup2(log, 2)


if __name__ == "__main__":
    _serve()
