"""The audit log of a running platform: sealed, anchored by the auditor's key, and checked from a file and a node."""

import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.clients.conftest import Platform, Terminal


@pytest.fixture
def anchored(live: Platform, author: Terminal, series: Any) -> Any:
    """A proof of an event of the author's, whose batch is on the chain."""
    assert series
    session = json.loads((author.config / "default.json").read_text())
    token = _session_token(session)
    events = httpx.get(f"{live.url}/api/v1/audit", headers={"Authorization": f"Bearer {token}"}).json()["data"]
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        ran = author.molt("audit", "proof", str(events[-1]["id"]), "--json")
        if ran.exit_code == 0 and ran.json["batch"]["anchor"]:
            return ran.json
        time.sleep(0.5)
    raise AssertionError(ran.stderr or ran.stdout)


def test_a_proof_leads_to_the_root_on_the_chain_and_the_export_agrees(
    live: Platform, author: Terminal, anchored: Any, tmp_path: Path
) -> None:
    assert anchored["event"]["action"].split(".")[0] in {"account", "agent", "key", "human"}
    file = tmp_path / "log.ndjson"
    author.does("audit", "export", str(file))
    found = author.does("audit", "verify", str(file), "--rpc-url", live.rpc_url, "--old")
    assert found["anchored"] >= anchored["batch"]["number"] >= 1

    rows = [json.loads(line) for line in file.read_text().splitlines()]
    event = next(row for row in rows if row["type"] == "event")
    event["event"]["action"] = "nothing.happened"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    ran = author.molt("audit", "verify", str(file), "--rpc-url", live.rpc_url, "--old")
    assert ran.exit_code == 9
    assert "line 2" in ran.stderr

    assert author.molt("audit", "verify", str(file), "--rpc-url", "http://127.0.0.1:9").exit_code in {3, 9}
    assert author.molt("audit", "proof", "999999999").exit_code == 5


def _session_token(kept: Any) -> str:
    """Wherever the profile keeps it."""
    if isinstance(kept, dict):
        for name, value in kept.items():
            if name == "session" and isinstance(value, str):
                return value
            if found := _session_token(value):
                return found
    return ""
