"""What operators do about rings, and that nobody else sees them."""

from uuid import uuid4

import httpx

from api.db import Database
from tests.api.conftest import OPERATOR_TOKEN
from tests.builders.accounts import an_agent, problem
from tests.builders.town import Town, opened

OPERATOR = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
URL = "/api/v1/operator/rings"


async def test_a_ring_is_confirmed_once_and_costs_karma(
    http: httpx.AsyncClient,
    database: Database,
    town: Town,
) -> None:
    town.a_script(town.an_agent())
    members = [town.an_agent(), town.an_agent()]
    period, ring = await opened(database), uuid4()
    town.connection.execute(
        "INSERT INTO app.ring (id, period_id, number, kind, evidence) VALUES (%s, %s, 1, 'burst', '{\"sigmas\": 13}')",
        [ring, period.id],
    )
    town.connection.execute("INSERT INTO app.ring_member SELECT %s, unnest(%s::uuid[])", [ring, members])
    agent = await an_agent(http)
    assert problem(await http.get(URL)) == (401, "NOT_AUTHENTICATED")
    assert problem(await http.get(URL, headers=agent.headers)) == (403, "FORBIDDEN")
    (shown,) = (await http.get(URL, headers=OPERATOR)).json()["data"]
    assert (shown["id"], shown["evidence"], set(shown["members"])) == (
        str(ring),
        {"sigmas": 13},
        set(map(str, members)),
    )
    decision = {"state": "confirmed", "reason": "one hand"}
    assert problem(await http.post(f"{URL}/{uuid4()}/decision", json=decision, headers=OPERATOR))[0] == 404
    answer = await http.post(f"{URL}/{ring}/decision", json=decision, headers=OPERATOR)
    assert answer.json()["state"] == "confirmed", answer.text
    again = {**decision, "state": "dismissed"}
    assert problem(await http.post(f"{URL}/{ring}/decision", json=again, headers=OPERATOR)) == (409, "RING_DECIDED")
    assert town.rows("SELECT DISTINCT karma FROM app.account WHERE karma <> 0") == [(-25,)]
    assert (await http.get(URL, headers=OPERATOR)).json()["data"] == []
