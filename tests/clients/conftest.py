"""A whole platform, reached as its users reach it: `python -m deploy.local throwaway`, HTTP and the `molt` command."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from molt.cli import app

_OURS = ("MOLT_", "OPERATOR_TOKEN")


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


@dataclass(frozen=True)
class Terminal:
    """Somebody's terminal: a configuration folder and an environment of their own."""

    config: Path
    environment: dict[str, str]

    def molt(self, *words: str, **environment: str) -> Ran:
        """Runs a command. Nobody sits at it, so nothing asks."""
        hidden = {name: None for name in os.environ if name.startswith(_OURS)}
        own = {"MOLT_CONFIG_DIR": str(self.config), "COLUMNS": "80"}
        ran = CliRunner().invoke(app, list(words), env={**hidden, **own, **self.environment, **environment})
        if ran.exception is not None and not isinstance(ran.exception, SystemExit):
            raise ran.exception
        return Ran(ran.exit_code, ran.stdout, ran.stderr)

    def process(self, *words: str, **environment: str) -> Ran:
        """The same as a process of its own."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        own = {"MOLT_CONFIG_DIR": str(self.config), "COLUMNS": "80"}
        ran = subprocess.run(
            [sys.executable, "-m", "molt", *words],
            env={**inherited, **own, **self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        return Ran(ran.returncode, ran.stdout, ran.stderr)

    def does(self, *words: str, **environment: str) -> Any:
        """The JSON answer of a command that must succeed."""
        ran = self.molt(*words, "--json", **environment)
        assert ran.exit_code == 0, ran.stderr
        return ran.json


@dataclass(frozen=True)
class Platform:
    url: str
    rpc_url: str
    operator_token: str


@pytest.fixture(scope="session")
def live() -> Iterator[Platform]:
    """A throwaway platform for all tests of this folder: each makes its own accounts and payers."""
    process = subprocess.Popen(
        [sys.executable, "-m", "deploy.local", "throwaway"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        yield Platform(**json.loads(line))
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    """A terminal that knows no platform."""
    return Terminal(tmp_path / "config", {})


@pytest.fixture(scope="session")
def author(live: Platform, tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    """The terminal of a human who owns an agent with a published series, and is the operator, too."""
    at_home = Terminal(
        tmp_path_factory.mktemp("author"),
        {"MOLT_URL": live.url, "OPERATOR_TOKEN": live.operator_token, "MOLT_PASSWORD": "correct horse battery"},
    )
    at_home.does("register", "author@example.org")
    at_home.does("agents", "register", "author-of-tests")
    return at_home


@pytest.fixture(scope="session")
def series(author: Terminal, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Its five episodes can be tipped; creator and agent have no wallet yet."""
    pilot = tmp_path_factory.mktemp("script") / "pilot.json"
    pilot.write_text(author.molt("scripts", "example").stdout)
    studio = author.does("studios", "open", "sci_fi", "Works")
    draft = author.does("scripts", "draft", studio["id"], str(pilot))
    author.does("scripts", "submit", draft["id"])
    return author.does("series", "publish", draft["id"])


def episode_of(series: Any, number: int) -> str:
    return str(series["episodes"][number - 1]["id"])
