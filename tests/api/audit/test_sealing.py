"""Seals: each event once, in an order that no late transaction can change, and proofs for whom they concern."""

import asyncio
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import rfc8785

from api.audit import sealing
from api.db import Database
from ledger import db
from ledger.deployment import Deployment, load
from tests.api.conftest import OPERATOR_TOKEN
from tests.builders.accounts import a_claimed_agent, a_human, an_agent, problem

OPERATOR = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
AT_ONCE = timedelta(0)


@pytest.fixture
def deployment(deployment_file: Path) -> Deployment:
    return load(84532, deployment_file)


async def sealed(database: Database, deployment: Deployment, *, patience: timedelta = AT_ONCE) -> int:
    """How many more events were sealed."""
    async with database.begin() as session:
        batch = await sealing.seal_due(session, deployment, patience=patience)
    return batch.last - batch.first + 1 if batch else 0


def root_of(proof: dict[str, Any]) -> str:
    """RFC 9162 2.1.3.2, written down from there."""
    leaf, last = proof["leaf_index"], proof["tree_size"] - 1
    found = sha256(b"\x00" + bytes.fromhex(proof["hash"][2:])).digest()
    for each in proof["path"]:
        beside = bytes.fromhex(each[2:])
        if leaf & 1 or leaf == last:
            found = sha256(b"\x01" + beside + found).digest()
            while not leaf & 1 and leaf:
                leaf, last = leaf >> 1, last >> 1
        else:
            found = sha256(b"\x01" + found + beside).digest()
        leaf, last = leaf >> 1, last >> 1
    assert last == 0
    return "0x" + found.hex()


async def test_every_event_has_a_proof_and_nobody_sees_anothers(
    http: httpx.AsyncClient, database: Database, deployment: Deployment
) -> None:
    empty = (await http.get("/api/v1/audit/head")).json()
    assert (empty["positions"], empty["newest_batch"]) == (0, None)
    owner = await a_human(http)
    agent, stranger = await a_claimed_agent(http, owner), await an_agent(http)
    mine = (await http.get("/api/v1/audit", headers=owner.headers)).json()["data"]
    unsealed = await http.get(f"/api/v1/audit/{mine[0]['id']}/proof", headers=owner.headers)
    assert problem(unsealed) == (409, "AUDIT_EVENT_NOT_SEALED")
    assert await sealed(database, deployment, patience=timedelta(hours=1)) == 0, "nothing has waited so long"
    first = await sealed(database, deployment)
    assert first >= 5
    assert await sealed(database, deployment) == 0

    for event in mine:
        for who in (owner, agent):
            proof = (await http.get(f"/api/v1/audit/{event['id']}/proof", headers=who.headers)).json()
            before = bytes.fromhex(proof["hash_before"][2:])
            assert proof["hash"] == "0x" + sha256(before + rfc8785.dumps(proof["event"])).hexdigest()
            assert root_of(proof) == proof["batch"]["root"]
            assert (proof["event"]["id"], proof["batch"]["anchor"]) == (event["id"], None)
        foreign = await http.get(f"/api/v1/audit/{event['id']}/proof", headers=stranger.headers)
        assert problem(foreign) == (404, "AUDIT_EVENT_NOT_FOUND")
    assert problem(await http.get(f"/api/v1/audit/{mine[0]['id']}/proof")) == (401, "NOT_AUTHENTICATED")

    await an_agent(http)
    second = await sealed(database, deployment)
    head = (await http.get("/api/v1/audit/head")).json()
    assert (head["positions"], head["newest_batch"]["number"]) == (first + second, 2)
    assert head["newest_batch"]["first_position"] == first + 1
    batches = (await http.get("/api/v1/audit/batches?limit=1")).json()
    assert [each["number"] for each in batches["data"]] == [2]
    assert batches["next_cursor"]
    whole = (await http.get("/api/v1/operator/audit/batches/1", headers=OPERATOR)).json()
    assert [each["position"] for each in whole["events"]] == list(range(1, first + 1))
    assert whole["events"][-1]["hash"] == whole["batch"]["head"]
    path = "/api/v1/operator/audit/batches/3"
    assert problem(await http.get(path, headers=OPERATOR)) == (404, "AUDIT_BATCH_NOT_FOUND")
    assert problem(await http.get(path, headers=agent.headers)) == (403, "FORBIDDEN")
    assert problem(await http.get(path)) == (401, "NOT_AUTHENTICATED")


async def test_an_event_that_commits_late_is_sealed_late_and_never_lost(
    database: Database, deployment: Deployment, database_url: str
) -> None:
    event = (
        "INSERT INTO app.audit_event (actor_kind, action, subject_kind, subject_id) VALUES ('platform', %s, 'x', '1')"
    )
    slow = db.connect(database_url)
    with db.connect(database_url, autocommit=True) as quick:
        slow.execute(event, ["slow.event"])
        quick.execute(event, ["quick.event"])
        assert await sealed(database, deployment) == 0, "an older transaction still runs"
        slow.commit()
        assert await sealed(database, deployment) == 2
        slow.execute(event, ["slow.again"])
        slow.rollback()
        quick.execute(event, ["quick.again"])
        assert await sealed(database, deployment) == 1, "a gap between ids is no gap in the chain"
        order = quick.execute(
            "SELECT position, action FROM app.audit_seal JOIN app.audit_event ON id = event_id ORDER BY position"
        ).fetchall()
    slow.close()
    assert order == [(1, "slow.event"), (2, "quick.event"), (3, "quick.again")]


async def test_two_sealers_at_once_seal_once(
    http: httpx.AsyncClient, database: Database, deployment: Deployment
) -> None:
    await an_agent(http)
    counts = await asyncio.gather(*(sealed(database, deployment) for _ in range(6)))
    assert sum(count > 0 for count in counts) == 1
    assert (await http.get("/api/v1/audit/head")).json()["positions"] == sum(counts)


async def test_a_refused_anchor_is_asked_for_again_after_a_while(
    http: httpx.AsyncClient, database: Database, deployment: Deployment, database_url: str
) -> None:
    await an_agent(http)
    await sealed(database, deployment)

    async def again() -> int:
        async with database.begin() as session:
            return await sealing.anchor_refused(session, deployment)

    with db.connect(database_url, autocommit=True) as connection:
        assert await again() == 0, "it waits for the relayer"
        connection.execute("ALTER TABLE app.audit_anchor DISABLE TRIGGER ALL")
        connection.execute("ALTER TABLE relay.outbox DISABLE TRIGGER ALL")
        connection.execute("UPDATE relay.outbox SET state = 'refused', error_code = 'x', settled_at = now()")
        assert await again() == 0, "just asked"
        connection.execute("UPDATE app.audit_anchor SET asked_at = asked_at - interval '11 minutes'")
        assert [await again(), await again()] == [1, 0]
        keys = connection.execute("SELECT dedupe_key, key_name FROM relay.outbox ORDER BY sequence").fetchall()
    assert keys == [("audit:84532:1:1", "auditor"), ("audit:84532:1:2", "auditor")]


@pytest.mark.parametrize("table", ["audit_seal", "audit_batch", "audit_anchor"])
async def test_seals_are_append_only(
    http: httpx.AsyncClient, database: Database, deployment: Deployment, database_url: str, table: str
) -> None:
    await an_agent(http)
    await sealed(database, deployment)
    for statement in (f"DELETE FROM app.{table}", f"TRUNCATE app.{table} CASCADE"):
        with db.connect(database_url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)  # type: ignore[call-overload]
