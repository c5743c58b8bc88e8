"""MOLT_HOME: the folder that holds everything a running platform keeps."""

import fcntl
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr


class HomeInUseError(Exception):
    """Another `make up` runs on this MOLT_HOME: stop it first, or choose another folder."""


class Home:
    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().resolve()
        self.postgres = self.path / "postgres"
        self.valkey = self.path / "valkey"
        self.chain_state = self.path / "chain" / "state.json"
        self.deployment_file = self.path / "deployments" / "84532.json"
        self.logs = self.path / "log"
        self.running_file = self.path / "running.json"
        """Where a running platform is: URLs and the environment of its services (mode 0600)."""
        for folder in (self.path, self.chain_state.parent, self.deployment_file.parent, self.logs):
            folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One platform a folder. The lock goes with the process, also when it is killed."""
        with (self.path / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise HomeInUseError(
                    f"Another `make up` runs on {self.path}: stop it first, or set MOLT_HOME to another folder."
                ) from None
            yield

    def secret(self, name: str, given: SecretStr | None = None) -> str:
        """The secret kept under this name, made at first use; one that is `given` takes its place for this run."""
        if given is not None:
            return given.get_secret_value()
        path = self.path / name
        if not path.exists():
            write_private(path, secrets.token_hex(32))
        return path.read_text().strip()

    def say_running(self, facts: dict[str, Any]) -> None:
        write_private(self.running_file, json.dumps(facts, indent=2))

    def running(self) -> dict[str, Any] | None:
        """What `say_running` wrote, while a platform runs here."""
        try:
            with self.locked():
                return None
        except HomeInUseError:
            return json.loads(self.running_file.read_text()) if self.running_file.exists() else None


def write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text)
