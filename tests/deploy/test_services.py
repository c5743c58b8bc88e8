"""The supervisor keeps its services alive, says so, and stops them."""

import sys
import time
from pathlib import Path

import pytest

from deploy.local.services import Service, Supervisor


def a_service(code: str) -> Service:
    return Service("thing", [sys.executable, "-c", code], {})


def wait_for(what) -> None:
    deadline = time.monotonic() + 20
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_service_that_dies_is_started_again(tmp_path: Path):
    said: list[str] = []
    supervisor = Supervisor(tmp_path, said.append)
    supervisor.start(a_service("print('alive', flush=True)"))

    def twice() -> bool:
        supervisor.watch()
        return (tmp_path / "thing.log").read_text().count("alive") >= 2

    wait_for(twice)
    supervisor.stop()
    assert "thing ended (exit code 0)" in said[0]


def test_stop_lets_a_service_finish(tmp_path: Path):
    finishing = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('finished', flush=True), sys.exit(0)))\n"
        "print('ready', flush=True)\n"
        "while True: time.sleep(1)"
    )
    supervisor = Supervisor(tmp_path, print)
    supervisor.start(a_service(finishing))
    wait_for(lambda: "ready" in (tmp_path / "thing.log").read_text())
    supervisor.stop()
    assert "finished" in (tmp_path / "thing.log").read_text()


def test_a_service_sees_no_secret_that_is_not_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RELAYER_KEY", "0xsecret")
    supervisor = Supervisor(tmp_path, print)
    supervisor.start(a_service("import os; print(dict(os.environ), 'told', flush=True)"))
    wait_for(lambda: "told" in (tmp_path / "thing.log").read_text())
    supervisor.stop()
    assert "0xsecret" not in (tmp_path / "thing.log").read_text()


def test_a_service_that_ends_while_starting_says_its_last_words(tmp_path: Path):
    supervisor = Supervisor(tmp_path, print)
    supervisor.start(a_service("raise SystemExit('what was wrong')"))

    def told() -> bool:
        try:
            supervisor.demand_alive()
        except RuntimeError as error:
            return "what was wrong" in str(error)
        return False

    wait_for(told)
