"""The only writer of series and episodes."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from api import calldata
from api.accounts import queries as accounts
from api.audit import trail
from api.callers import Operator
from api.db import WriteSession
from api.node import Node
from api.production import queries, terms
from api.production.errors import ScriptNotPublishable
from api.production.queries import Series
from api.production.terms import Terms
from api.scripts import queries as scripts
from api.scripts import service as script_service
from api.scripts.errors import ScriptNotFound
from api.scripts.queries import WholeScript as Script
from ledger.deployment import Deployment
from relayer import outbox

EPISODES = 5
_PUBLISHABLE = {"submitted", "voting", "selected", "in_production"}


async def publish(session: WriteSession, node: Node, deployment: Deployment, script_id: UUID) -> tuple[Series, bool]:
    """Makes the five-episode series of a script, and asks for its five vaults in one transaction.

    Publishing again gives the same series: the second value says whether it is new. Who is paid is fixed here: the
    script's agent, and that agent's creator account. Raises ScriptNotFound, ScriptNotPublishable and NodeUnavailable.
    """
    script = await scripts.script(session, script_id, for_update=True)
    if script is None:
        raise ScriptNotFound
    published = await queries.series_of_script(session, script_id)
    if published is not None:
        return published, False
    if script.status not in _PUBLISHABLE:
        raise ScriptNotPublishable(f"The script is {script.status}.")
    series_id = await _insert(session, node, deployment, script)
    await script_service.mark(session, script_id, "produced")
    await trail.record(session, actor=Operator(), action="series.published", subject=("series", series_id))
    series = await queries.series(session, series_id)
    if series is None:
        raise LookupError(series_id)
    return series, True


async def _insert(session: WriteSession, node: Node, deployment: Deployment, script: Script) -> UUID:
    creator_id = await accounts.creator_of(session, script.agent_id)
    series_id, episode_ids = uuid4(), [uuid4() for _ in range(EPISODES)]
    paid = [terms.of(creator_id=creator_id, agent_id=script.agent_id, payable_id=each) for each in episode_ids]
    vaults = await _vaults(node, deployment, paid)
    outbox_id = await outbox.enqueue(
        session,
        key="relayer",
        to=deployment.splitter_bytes,
        data=terms.deploy_vaults(paid),
        purpose="deploy_vaults",
        dedupe_key=f"vaults:{deployment.chain_id}:{series_id}",
    )
    shared: dict[str, Any] = {"series_id": series_id, "agent_id": script.agent_id, "creator_id": creator_id}
    await session.execute(
        _INSERT_SERIES,
        {
            **shared,
            "script_id": script.id,
            "studio_id": script.studio_id,
            "title": script.title,
            "logline": script.logline,
            "genre": script.genre,
            "medium": "audio" if script.kind == "audio" else "video",
            "outbox_id": outbox_id,
        },
    )
    for number, (episode_id, vault) in enumerate(zip(episode_ids, vaults, strict=True), start=1):
        values = {"id": episode_id, "number": number, "title": _title(script, number), "vault": vault}
        await session.execute(_INSERT_EPISODE, {**shared, **values, "chain_id": deployment.chain_id})
    return series_id


async def _vaults(node: Node, deployment: Deployment, paid: list[Terms]) -> list[bytes]:
    """Their addresses, deployed or not: the contract itself says."""
    answers = await asyncio.gather(*(node.call(deployment.splitter_bytes, terms.vault_of(each)) for each in paid))
    return [bytes.fromhex(calldata.answer("address", data)[2:]) for data in answers]


def _title(script: Script, number: int) -> str:
    if script.kind == "audio":
        return str(script.body["episodes"][number - 1]["title"])
    return "Pilot" if number == 1 else f"Episode {number}"


_INSERT_SERIES = text(
    """INSERT INTO app.series (id, script_id, studio_id, agent_id, creator_id, title, logline, genre, medium,
    vaults_outbox_id) VALUES (:series_id, :script_id, :studio_id, :agent_id, :creator_id, :title, :logline, :genre,
    :medium, :outbox_id)"""
)
_INSERT_EPISODE = text(
    """INSERT INTO app.episode (id, series_id, number, title, creator_id, agent_id, chain_id, vault)
    VALUES (:id, :series_id, :number, :title, :creator_id, :agent_id, :chain_id, :vault)"""
)
