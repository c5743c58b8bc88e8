"""Export, deletion with thirty days to undo it, purge, preferences, notices, keys recovered by wallet."""

from uuid import UUID

import httpx
import psycopg
import pytest
from eth_account.signers.local import LocalAccount

from api.db import Database
from api.privacy import deletion, expiry, export
from ledger import db, ids
from tests.builders.accounts import PASSWORD, a_human, a_wallet, an_agent, personal_sign, problem
from tests.builders.studios import a_draft, a_submitted_script

CHAIN_ID = 84532


async def purged(database: Database) -> int:
    async with database.begin() as session:
        return await deletion.purge_due(session)


async def test_an_export_has_everything_and_no_secret(http: httpx.AsyncClient) -> None:
    owner = await a_human(http, display_name="Ada")
    agent = await an_agent(http, owner=owner)
    stranger = await an_agent(http)
    await a_submitted_script(http, agent)
    await a_submitted_script(http, stranger)
    await http.patch("/api/v1/agents/me/preferences", headers=agent.headers, json={"locale": "de-CH"})
    mine = (await http.get("/api/v1/agents/me/export", headers=agent.headers)).json()["tables"]
    assert {table: len(rows) for table, rows in mine.items() if rows} == {
        "account": 1, "agent": 1, "api_key": 1, "studio": 1, "script": 1, "preference": 1, "audit_event": 2,
    }  # fmt: skip
    theirs = (await http.get("/api/v1/auth/me/export", headers=owner.headers)).json()["tables"]
    assert (theirs["human"][0]["display_name"], len(theirs["session"]), theirs["script"]) == ("Ada", 1, [])
    for text in (str(mine), str(theirs)):
        assert not any(secret in text for secret in ("hash", "argon2", "pepper", agent.token, stranger.id))
    assert problem(await http.get("/api/v1/auth/me/export", headers=agent.headers)) == (403, "FORBIDDEN")


def test_every_table_that_names_accounts_is_exported_or_says_why_not(database_url: str) -> None:
    with db.connect(database_url) as connection:
        rows = connection.execute(
            """SELECT DISTINCT conrelid::regclass::text FROM pg_constraint
                WHERE contype = 'f' AND confrelid = 'app.account'::regclass
               UNION SELECT 'app.' || table_name FROM information_schema.columns
                WHERE table_schema = 'app' AND column_name IN
                  ('account_id', 'account_ids', 'agent_id', 'owner_id', 'author_id', 'voter_id', 'actor_id')"""
        ).fetchall()
    tables = {str(row[0]).removeprefix("app.") for row in rows}
    assert tables - set(export.EXPORTED) - set(export.LEFT_OUT) == set()


async def test_a_human_leaves_comes_back_and_leaves_for_good(
    http: httpx.AsyncClient, database: Database, database_url: str
) -> None:
    human = await a_human(http, display_name="Ada")
    agent = await an_agent(http, owner=human, description="personal")
    script = await a_submitted_script(http, agent)
    comments = f"/api/v1/scripts/{script['id']}/comments"
    await http.post(comments, headers=human.headers, json={"body": "It was me"})
    await a_draft(http, agent, studio={"id": script["studio_id"]})
    login = {"email": human.body["email"], "password": PASSWORD}
    assert problem(await http.post("/api/v1/auth/restore", json=login)) == (404, "NOTHING_TO_RESTORE")

    assert (await http.delete("/api/v1/auth/me", headers=human.headers)).status_code == 204
    assert problem(await http.get("/api/v1/auth/me", headers=human.headers)) == (401, "INVALID_CREDENTIALS")
    assert problem(await http.get("/api/v1/agents/me", headers=agent.headers)) == (401, "INVALID_CREDENTIALS")
    assert problem(await http.post("/api/v1/auth/login", json=login)) == (403, "ACCOUNT_DELETED")
    assert problem(await http.post("/api/v1/auth/login", json=login | {"password": "x" * 12})) == (
        401,
        "WRONG_CREDENTIALS",
    )
    assert await purged(database) == 0
    back = await http.post("/api/v1/auth/restore", json=login)
    http.cookies.clear()
    assert back.status_code == 200
    human.token = back.json()["token"]
    name = agent.body["agent"]["name"]
    assert (await http.get(f"/api/v1/agents/{name}")).status_code == 200, "its agents come back with it"
    made = await http.post("/api/v1/keys", headers=human.headers, json={"agent": name})
    assert made.status_code == 201

    await http.delete("/api/v1/auth/me", headers=human.headers)
    with db.connect(database_url, autocommit=True) as connection:
        before = connection.execute("SELECT count(*), sum(id) FROM app.audit_event").fetchone()
        connection.execute(
            "UPDATE app.account SET deleted_at = deleted_at - interval '31 days' WHERE deleted_at > '2000-01-01'"
        )
        assert problem(await http.post("/api/v1/auth/restore", json=login)) == (404, "NOTHING_TO_RESTORE")
        assert await purged(database) == 2
        assert await purged(database) == 0
        left = connection.execute("SELECT email, password_hash, display_name FROM app.human").fetchall()
        assert left == [(None, None, None)]
        assert connection.execute("SELECT description FROM app.agent").fetchall() == [("",)]
        assert connection.execute("SELECT status FROM app.script").fetchall() == [("submitted",)], "drafts are gone"
        assert connection.execute("SELECT body FROM app.comment").fetchall() == [("",)]
        assert connection.execute("SELECT count(*) FROM app.session").fetchall() == [(0,)]
        after = connection.execute(
            "SELECT count(*), sum(id) FROM app.audit_event WHERE action <> 'account.purged'"
        ).fetchone()
        assert after == before, "the audit log stands"
    assert problem(await http.post("/api/v1/auth/login", json=login)) == (401, "WRONG_CREDENTIALS")
    assert (await http.post("/api/v1/agents/register", json={"name": name})).status_code == 409, "names stay taken"


async def test_an_owner_brings_an_agent_back(http: httpx.AsyncClient) -> None:
    owner, other = await a_human(http), await a_human(http)
    agent = await an_agent(http, owner=owner)
    url = f"/api/v1/agents/{agent.body['agent']['name']}"
    await http.delete(url, headers=owner.headers)
    assert problem(await http.post(f"{url}/restore", headers=other.headers)) == (404, "NOTHING_TO_RESTORE")
    assert (await http.post(f"{url}/restore", headers=owner.headers)).status_code == 204
    assert problem(await http.post(f"{url}/restore", headers=owner.headers)) == (404, "NOTHING_TO_RESTORE")
    assert problem(await http.get("/api/v1/agents/me", headers=agent.headers)) == (401, "API_KEY_REVOKED")


async def test_preferences_have_defaults_and_effects(http: httpx.AsyncClient) -> None:
    agent, human = await an_agent(http), await a_human(http)
    url = "/api/v1/agents/me/preferences"
    defaults = {"listed": True, "key_expiry": True, "locale": None}
    assert (await http.get(url, headers=agent.headers)).json() == defaults
    assert (await http.get("/api/v1/auth/me/preferences", headers=human.headers)).json() == defaults
    changed = await http.patch(url, headers=agent.headers, json={"listed": False, "locale": "de-CH"})
    assert changed.json() == {"listed": False, "key_expiry": True, "locale": "de-CH"}
    name = agent.body["agent"]["name"]
    assert name not in [each["name"] for each in (await http.get("/api/v1/agents")).json()["data"]]
    assert (await http.get(f"/api/v1/search?q={name}&type=agent")).json()["data"] == []
    assert (await http.get(f"/api/v1/agents/{name}")).status_code == 200
    again = await http.patch(url, headers=agent.headers, json={"listed": None, "locale": None})
    assert again.json() == {"listed": False, "key_expiry": True, "locale": None}
    for body in ({"locale": "German"}, {"unknown": True}, {"listed": "perhaps"}):
        assert problem(await http.patch(url, headers=agent.headers, json=body)) == (422, "INVALID_REQUEST")


async def test_keys_that_end_soon_are_told_once_a_day_named(
    http: httpx.AsyncClient, database: Database, database_url: str
) -> None:
    agent, quiet = await an_agent(http), await an_agent(http)
    await http.patch("/api/v1/agents/me/preferences", headers=quiet.headers, json={"key_expiry": False})

    async def told() -> int:
        async with database.begin() as session:
            return await expiry.give_notice(session)

    with db.connect(database_url, autocommit=True) as connection:
        assert await told() == 0
        for ends, expected in (("6 days", 7), ("20 hours", 1)):
            connection.execute("UPDATE app.api_key SET expires_at = now() + CAST(%s AS interval)", [ends])
            assert [await told(), await told()] == [1, 0]
            newest = (await http.get("/api/v1/audit", headers=agent.headers)).json()["data"][0]
            assert (newest["action"], newest["data"]["days"]) == ("key.expiring", expected)


@pytest.fixture
def connection(database_url: str) -> psycopg.Connection:
    return db.connect(database_url, autocommit=True)


async def test_the_registered_wallet_gets_a_new_key(http: httpx.AsyncClient, connection: psycopg.Connection) -> None:
    agent, wallet, other = await an_agent(http), a_wallet(), a_wallet()
    account = ids.account_id(UUID(agent.id))
    name = agent.body["agent"]["name"]
    with connection:
        connection.execute(
            "INSERT INTO ledger.wallet_event (chain_id, block_number, log_index, tx_hash, kind, account_id, wallet)"
            " VALUES (%s, 1, 0, sha256('x'), 'set', %s, %s)",
            [CHAIN_ID, account, bytes.fromhex(wallet.address[2:])],
        )

    async def signed_by(who: LocalAccount, address: str) -> httpx.Response:
        query = {"agent": name, "address": address}
        message = (await http.get("/api/v1/keys/recovery/challenge", params=query)).json()["message"]
        body = {"message": message, "signature": personal_sign(who, message)}
        return await http.post("/api/v1/keys/recovery", json=body)

    nobody = {"agent": "nobody", "address": wallet.address}
    answer = await http.get("/api/v1/keys/recovery/challenge", params=nobody)
    assert problem(answer) == (404, "AGENT_NOT_FOUND")
    assert problem(await http.post("/api/v1/keys/recovery", json={"message": "x", "signature": "0x00"})) == (
        422,
        "CHALLENGE_INVALID",
    )
    assert problem(await signed_by(other, other.address)) == (403, "WALLET_NOT_REGISTERED")
    recovered = await signed_by(wallet, wallet.address)
    assert recovered.status_code == 201, recovered.text
    assert problem(await http.get("/api/v1/agents/me", headers=agent.headers)) == (401, "API_KEY_REVOKED")
    new = {"Authorization": f"Bearer {recovered.json()['api_key']}"}
    assert (await http.get("/api/v1/agents/me", headers=new)).status_code == 200
    actions = [each["action"] for each in (await http.get("/api/v1/audit", headers=new)).json()["data"]]
    assert actions[:3] == ["key.recovered", "key.created", "key.revoked"]
    query = {"agent": name, "address": wallet.address}
    message = (await http.get("/api/v1/keys/recovery/challenge", params=query)).json()["message"]
    body = {"message": message, "signature": personal_sign(wallet, message)}
    first = await http.post("/api/v1/keys/recovery", json=body)
    assert first.status_code == 201
    again = await http.post("/api/v1/keys/recovery", json=body)
    assert problem(again) == (409, "CHALLENGE_USED")
    tampered = body | {"message": message.replace(name, "another")}
    assert problem(await http.post("/api/v1/keys/recovery", json=tampered)) == (422, "CHALLENGE_INVALID")
