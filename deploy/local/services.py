"""The platform's own processes: started in order, restarted when they die, stopped in the opposite order.

All of them share the supervisor's process group, so that Ctrl-C reaches every one; each also dies with the supervisor
(Linux), so that a `kill -9` of it leaves nothing behind.
"""

import asyncio
import ctypes
import os
import signal
import sys
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


class Supervisor:
    """Keeps services alive until `stop`. `say` is told what happens, in one line each."""

    def __init__(self, logs: Path, say: Callable[[str], None]) -> None:
        self._logs = logs
        self._say = say
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False

    async def start(self, service: Service) -> None:
        self._running[service.name] = await self._spawn(service)
        self._tasks.append(asyncio.create_task(self._keep_alive(service), name=service.name))

    async def stop(self) -> None:
        """Stops the services, the last started first. Each has GRACE_SECONDS to finish what it does."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for process in reversed(self._running.values()):
            await _end(process)

    async def run_once(self, service: Service) -> None:
        """Runs a command to its end (a migration). Raises RuntimeError with its last words when it fails."""
        process = await self._spawn(service)
        if await process.wait() != 0:
            tail = "\n".join(self._log(service).read_text(errors="replace").splitlines()[-15:])
            raise RuntimeError(f"{service.name} failed ({self._log(service)}):\n{tail}")

    async def _keep_alive(self, service: Service) -> None:
        backoff = 1.0
        while True:
            started = asyncio.get_running_loop().time()
            code = await self._running[service.name].wait()
            if self._stopping:
                return
            if asyncio.get_running_loop().time() - started > MAX_BACKOFF_SECONDS:
                backoff = 1.0
            self._say(f"{service.name} ended ({_how(code)}); again in {backoff:.0f} s. Its log: {self._log(service)}")
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, MAX_BACKOFF_SECONDS)
            self._running[service.name] = await self._spawn(service)

    async def _spawn(self, service: Service) -> asyncio.subprocess.Process:
        inherited = {k: v for k, v in os.environ.items() if k in {"PATH", "HOME", "LANG", "TZ", "TMPDIR", "USER"}}
        with self._log(service).open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *service.command,
                env={**inherited, "PYTHONUNBUFFERED": "1", **service.environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent if sys.platform == "linux" else None,
            )

    def _log(self, service: Service) -> Path:
        return self._logs / f"{service.name}.log"


def die_with_parent() -> None:
    """In the child, before exec: SIGTERM when the supervisor is gone (prctl(2), PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), GRACE_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


def _how(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
