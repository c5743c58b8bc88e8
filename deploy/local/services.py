"""The platform's own processes: started in order, restarted when they die, stopped in the opposite order.

All of them share the supervisor's process group, so that Ctrl-C reaches every one; each also dies with the supervisor
(Linux), so that a `kill -9` of it leaves nothing behind.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

GRACE_SECONDS = 15
MAX_BACKOFF_SECONDS = 30
PR_SET_PDEATHSIG = 1  # linux/prctl.h


@dataclass(frozen=True)
class Service:
    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    """All that the process sees, besides PATH and the like: nobody holds a secret that is not its own."""


@dataclass
class _Running:
    service: Service
    process: subprocess.Popen[bytes]
    started: float
    backoff: float = 1.0
    restart_at: float | None = None


class Supervisor:
    """Keeps services alive while `watch` is called. `say` is told what happens, in one line each."""

    def __init__(self, logs: Path, say: Callable[[str], None]) -> None:
        self._logs = logs
        self._say = say
        self._running: list[_Running] = []

    def start(self, service: Service) -> None:
        self._running.append(_Running(service, self._spawn(service), time.monotonic()))

    def watch(self) -> None:
        """One look at every service: what has died is started again, later each time it dies young."""
        now = time.monotonic()
        for running in self._running:
            if running.restart_at is not None and now >= running.restart_at:
                running.process, running.started, running.restart_at = self._spawn(running.service), now, None
            elif running.restart_at is None and (code := running.process.poll()) is not None:
                self._plan_restart(running, code, now)

    def demand_alive(self) -> None:
        """While starting, a service that ends is an error: RuntimeError with its last words."""
        for running in self._running:
            if (code := running.process.poll()) is not None:
                raise RuntimeError(self._last_words(running.service, _how(code)))

    def stop(self) -> None:
        """Stops the services, the last started first. Each has GRACE_SECONDS to finish what it does."""
        for running in reversed(self._running):
            end(running.process)
        self._running.clear()

    def _plan_restart(self, running: _Running, code: int, now: float) -> None:
        if now - running.started > MAX_BACKOFF_SECONDS:
            running.backoff = 1.0
        name, log = running.service.name, self._log(running.service)
        self._say(f"{name} ended ({_how(code)}); again in {running.backoff:.0f} s. Its log: {log}")
        running.restart_at = now + running.backoff
        running.backoff = min(running.backoff * 2, MAX_BACKOFF_SECONDS)

    def _spawn(self, service: Service) -> subprocess.Popen[bytes]:
        inherited = {k: v for k, v in os.environ.items() if k in {"PATH", "HOME", "LANG", "TZ", "TMPDIR", "USER"}}
        with self._log(service).open("ab") as log:
            return subprocess.Popen(
                list(service.command),
                env={**inherited, "PYTHONUNBUFFERED": "1", **service.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,  # noqa: PLW1509 (this process has one thread)
            )

    def _last_words(self, service: Service, how: str) -> str:
        tail = "\n".join(self._log(service).read_text(errors="replace").splitlines()[-12:])
        return f"{service.name} ended ({how}). The end of {self._log(service)}:\n{tail}"

    def _log(self, service: Service) -> Path:
        return self._logs / f"{service.name}.log"


def die_with_parent() -> None:
    """In the child, before exec: SIGTERM when the supervisor is gone (prctl(2), PR_SET_PDEATHSIG; Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, and SIGKILL when GRACE_SECONDS did not suffice."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _how(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
