"""Every cell of the table of api/authorization.py, over HTTP: role by operation, and whose the thing is."""

import json
import re
import uuid
from dataclasses import dataclass
from typing import Any, get_args

import httpx
import pytest

from api import authorization
from api.authorization import OTHERS, ROLES, Role
from ledger import db
from tests.api.conftest import OPERATOR_TOKEN, OpenClient
from tests.builders.accounts import a_human, an_agent, problem
from tests.builders.studios import a_draft, a_submitted_script

NOWHERE = str(uuid.uuid4())
_REFUSALS = {(401, "NOT_AUTHENTICATED"), (403, "FORBIDDEN")}
_UNENDING = {"listenToEvents"}


@dataclass
class Operation:
    method: str
    path: str


@pytest.fixture
async def operations(http: httpx.AsyncClient) -> dict[str, Operation]:
    described = (await http.get("/api/v1/openapi.json")).json()
    return {
        operation["operationId"]: Operation(method.upper(), path)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
        if isinstance(operation, dict) and "operationId" in operation
    }


def filled(path: str, **known: str) -> str:
    """The path, with ids of nothing for what is not known."""
    numbers = {"number": "1", "event_id": "1", "kind": "script", "name": "nobody-at-all", "agent": "nobody-at-all"}
    return re.sub(r"{(\w+)}", lambda found: known.get(found[1], numbers.get(found[1], NOWHERE)), path)


async def test_every_operation_has_a_row_and_every_row_an_operation(operations: dict[str, Operation]) -> None:
    assert set(operations) - set(ROLES) == set()
    assert set(ROLES) - set(operations) <= {"listenToEvents"}
    assert set(OTHERS) <= set(ROLES)
    assert {role for roles in ROLES.values() for role in roles} == set(get_args(Role))


async def test_every_role_at_every_operation(open_client: OpenClient, operations: dict[str, Operation]) -> None:
    """Allowed: whatever it answers, it is not for who asks. Refused: exactly what is declared."""
    async with open_client() as http:
        wrong = []
        for name, operation in sorted(operations.items()):
            if name in _UNENDING:
                continue
            callers = {
                "stranger": {},
                "agent": (await _cheap_agent(http)).headers,
                "human": (await _cheap_human(http)).headers,
                "operator": {"Authorization": f"Bearer {OPERATOR_TOKEN}"},
            }
            for role, headers in callers.items():
                answer = await http.request(operation.method, filled(operation.path), headers=headers)
                said = _code(answer)
                if role in ROLES[name]:
                    # what needs more than a role, says so in a code of its own
                    if said in _REFUSALS:
                        wrong.append((name, role, said))
                elif said != ((401, "NOT_AUTHENTICATED") if role == "stranger" else (403, "FORBIDDEN")):
                    wrong.append((name, role, said))
        assert wrong == []


_made: dict[int, dict[str, Any]] = {}


async def _cheap_agent(http: httpx.AsyncClient) -> Any:
    return await _one_until_gone(http, "agent", an_agent)


async def _cheap_human(http: httpx.AsyncClient) -> Any:
    return await _one_until_gone(http, "human", a_human)


async def _one_until_gone(http: httpx.AsyncClient, kind: str, make: Any) -> Any:
    """The same caller, until an operation has deleted it or ended its session."""
    known = _made.setdefault(id(http), {})
    if kind in known:
        answer = await http.get("/api/v1/auth/me", headers=known[kind].headers)
        if answer.status_code == 200:
            return known[kind]
    known[kind] = await make(http)
    return known[kind]


def _code(answer: httpx.Response) -> tuple[int, str | None]:
    if answer.headers.get("content-type") != "application/problem+json":
        return answer.status_code, None
    return answer.status_code, json.loads(answer.text)["code"]


@dataclass
class Belongings:
    """What one owner has, by path parameter."""

    headers: dict[str, str]
    ids: dict[str, dict[str, str]]


@pytest.fixture
async def belongings(http: httpx.AsyncClient, database_url: str) -> Belongings:
    owner = await a_human(http)
    agent = await an_agent(http, owner=owner)
    draft = await a_draft(http, agent)
    other = await an_agent(http)
    script = await a_submitted_script(http, other)
    comment = (
        await http.post(f"/api/v1/scripts/{script['id']}/comments", headers=agent.headers, json={"body": "x"})
    ).json()
    event = (await http.get("/api/v1/audit", headers=agent.headers)).json()["data"][0]
    webhook = await http.post(
        "/api/v1/webhooks", headers=agent.headers, json={"url": "https://example.org/hook", "kinds": ["tip.split"]}
    )
    assert webhook.status_code == 201, webhook.text
    hook = webhook.json()["webhook"]["id"]
    wallet, claim = str(uuid.uuid4()), str(uuid.uuid4())
    with db.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO app.wallet (id, account_id, chain_id, address, kind, consent_nonce, deadline, signature,"
            " requested_by) VALUES (%s, %s, 84532, substring(sha256('x') for 20), 'register', 0, 1, '', %s)",
            [wallet, agent.id, agent.id],
        )
        connection.execute(
            "WITH sent AS (INSERT INTO relay.outbox (key_name, to_address, data, purpose, dedupe_key)"
            " VALUES ('relayer', substring(sha256('x') for 20), '', 'claim', 'x') RETURNING id)"
            " INSERT INTO app.claim (id, chain_id, account_id, expiries, amount_micro_usdc, outbox_id)"
            " SELECT %s, 84532, %s, '{1}', 5, id FROM sent",
            [claim, agent.id],
        )
    for path in (f"/api/v1/wallets/{wallet}", f"/api/v1/payouts/claims/{claim}", f"/api/v1/webhooks/{hook}"):
        assert (await http.get(path, headers=agent.headers)).status_code == 200, f"its own: {path}"
    drafted = {"script_id": draft["id"]}
    return Belongings(
        agent.headers,
        {
            "getScript": drafted,
            "editScript": drafted,
            "submitScript": drafted,
            "deleteScript": drafted,
            "renameStudio": {"studio_id": draft["studio_id"]},
            "releaseStudio": {"studio_id": draft["studio_id"]},
            "deleteComment": {"script_id": script["id"], "comment_id": comment["id"]},
            "rotateKey": {"key_id": agent.body["key"]["id"]},
            "revokeKey": {"key_id": agent.body["key"]["id"]},
            "deleteAgent": {"name": agent.body["agent"]["name"]},
            "restoreAgent": {"name": agent.body["agent"]["name"]},
            "getAuditProof": {"event_id": str(event["id"])},
            "getWallet": {"wallet_id": wallet},
            "changeWallet": {"wallet_id": wallet},
            "getClaim": {"claim_id": claim},
            **{name: {"webhook_id": hook} for name in OTHERS if "ebhook" in name},
        },
    )


async def test_others_things_look_as_the_table_says(
    http: httpx.AsyncClient, operations: dict[str, Operation], belongings: Belongings
) -> None:
    agent, human = await an_agent(http), await a_human(http)
    bodies: dict[str, Any] = {
        "editScript": {"title": "Mine now"},
        "renameStudio": {"suffix": "Mine"},
        "rotateKey": {},
        "changeWebhook": {"description": "mine"},
        "changeWallet": {"challenge": "x", "signature": "0x00"},
    }
    wrong = []
    for name, expected in OTHERS.items():
        operation = operations[name]
        for role, who in (("agent", agent), ("human", human)):
            if role not in ROLES[name]:
                continue
            path = filled(operation.path, **belongings.ids[name])
            said = _code(await http.request(operation.method, path, headers=who.headers, json=bodies.get(name)))
            if said != expected:
                wrong.append((name, role, said))
    assert wrong == []


async def test_nobody_asks_without_a_row() -> None:
    with pytest.raises(authorization.NotAuthenticated):
        authorization.demand("listKeys", None)
    authorization.demand(None, None)


async def test_keys_that_end_fail_on_another_replica_at_once(open_client: OpenClient, database_url: str) -> None:
    """Deleted, revoked, rotated out and expired: the second replica has seen each of them work before."""
    async with open_client() as one, open_client() as two:

        async def fails() -> tuple[int, str]:
            return problem(await two.get("/api/v1/agents/me", headers=who.headers))

        async def works() -> None:
            assert (await two.get("/api/v1/agents/me", headers=who.headers)).status_code == 200

        who = await an_agent(one)
        await works()
        assert (await one.delete("/api/v1/agents/me", headers=who.headers)).status_code == 204
        assert await fails() == (401, "INVALID_CREDENTIALS")

        who = await an_agent(one)
        await works()
        key = who.body["key"]["id"]
        assert (await one.delete(f"/api/v1/keys/{key}", headers=who.headers)).status_code == 204
        assert await fails() == (401, "API_KEY_REVOKED")

        who = await an_agent(one)
        await works()
        key = who.body["key"]["id"]
        rotated = await one.post(f"/api/v1/keys/{key}/rotate", headers=who.headers, json={"overlap_hours": 0})
        assert rotated.status_code == 201
        assert await fails() == (401, "API_KEY_REVOKED")
        new = {"Authorization": f"Bearer {rotated.json()['api_key']}"}
        assert (await two.get("/api/v1/agents/me", headers=new)).status_code == 200

        who = await an_agent(one)
        await works()
        with db.connect(database_url, autocommit=True) as connection:
            connection.execute(
                "UPDATE app.api_key SET created_at = now() - interval '2 days',"
                " expires_at = now() - interval '1 second' WHERE id = %s",
                [who.body["key"]["id"]],
            )
        assert await fails() == (401, "API_KEY_EXPIRED")

        human = await a_human(one)
        assert (await two.get("/api/v1/auth/me", headers=human.headers)).status_code == 200
        assert (await one.post("/api/v1/auth/logout", headers=human.headers)).status_code == 204
        assert problem(await two.get("/api/v1/auth/me", headers=human.headers)) == (401, "INVALID_CREDENTIALS")
