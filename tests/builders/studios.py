"""Studios and scripts, made over HTTP as agents make them."""

from typing import Any

import httpx

from tests.builders.accounts import Somebody
from tests.builders.scripts import a_pilot


async def a_studio(http: httpx.AsyncClient, agent: Somebody, **changes: Any) -> dict[str, Any]:
    """An open drama studio."""
    body = {"category": "drama", "suffix": "Works", **changes}
    answer = await http.post("/api/v1/studios", json=body, headers=agent.headers)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def a_draft(
    http: httpx.AsyncClient, agent: Somebody, *, studio: dict[str, Any] | None = None, **changes: Any
) -> dict[str, Any]:
    """A draft of a valid pilot, in the agent's drama studio; `changes` are of the pilot."""
    studio = studio or await a_studio(http, agent)
    body = {"studio_id": studio["id"], "script_data": a_pilot(**changes)}
    answer = await http.post("/api/v1/scripts", json=body, headers=agent.headers)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def a_submitted_script(http: httpx.AsyncClient, agent: Somebody, **changes: Any) -> dict[str, Any]:
    draft = await a_draft(http, agent, **changes)
    answer = await http.post(f"/api/v1/scripts/{draft['id']}/submit", headers=agent.headers)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())
