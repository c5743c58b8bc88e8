"""From the ledger to `app.event`: each fact once when it appears, and once more when it is final or taken back.

One announcer at a time (the row of `app.announcer` is locked), so the order of ids is the order of commits. Facts of
blocks that are not final are remembered in `app.announced`: whatever the chain does, each is followed by its end.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from api.db import WriteSession
from api.live.events import TABLES, accounts_of, described
from api.tips import kinds
from api.wire import address_text, hex_text
from ledger import ids

AT_ONCE = 500
"""Facts of one kind in one transaction."""


@dataclass(frozen=True)
class _Fact:
    place: tuple[int, int]
    """Block number and log index."""
    row: Mapping[str, Any]
    kind: str
    subject: str
    episode_id: UUID | None
    account_ids: list[UUID]
    data: dict[str, Any]


async def announce(session: WriteSession, chain_id: int) -> bool:
    """Announces what is new. True: there is more than fits into one transaction."""
    bounds = await _locked(session, chain_id)
    if bounds is None:
        return False
    told, final = bounds
    await _announce_submissions(session, chain_id)
    await _announce_notices(session, chain_id)
    await _take_back(session, chain_id)
    found = await _new_facts(session, chain_id, told)
    for fact in found:
        await _announce(session, chain_id, fact)
    if len(found) >= AT_ONCE:
        return True
    await _finish(session, chain_id, final)
    return False


async def _locked(session: AsyncSession, chain_id: int) -> tuple[int, int] | None:
    """The block up to which all is told (the first time, what is final by now), and the last final one, read before
    anything else: whatever is asked after that sees all of it. None before the ledger has begun."""
    await session.execute(_BEGIN, {"chain_id": chain_id})
    told = (await session.execute(_LOCK, {"chain_id": chain_id})).scalar_one_or_none()
    final = (await session.execute(_FINALITY, {"chain_id": chain_id})).scalar_one_or_none()
    return None if told is None or final is None else (told, final)


async def _announce_submissions(session: AsyncSession, chain_id: int) -> None:
    rows = (await session.execute(_SUBMISSIONS, {"chain_id": chain_id, "kinds": list(kinds.KINDS)})).mappings().all()
    payables = await kinds.of_refs(session, [ids.ref_id(row["payable_id"]) for row in rows]) if rows else {}
    for row in sorted(rows, key=lambda row: row["created_at"]):
        payable = payables.get(ids.ref_id(row["payable_id"]))
        data = {
            "chain_id": chain_id,
            "tip_id": str(row["id"]),
            "kind": row["kind"],
            "payable_id": str(row["payable_id"]),
            **({"episode_id": str(row["episode_id"])} if row["episode_id"] else {}),
            "payer": address_text(row["payer"]),
            "amount_micro_usdc": str(row["amount_micro_usdc"]),
            "rail": row["rail"],
        }
        accounts = [payable.creator_id, payable.agent_id] if payable else []
        about = {"subject": str(row["id"]), "episode_id": row["episode_id"], "account_ids": accounts}
        await _insert(session, "tip.seen", about, data)


async def _announce_notices(session: AsyncSession, chain_id: int) -> None:
    rows = await session.execute(_NOTICES, {"chain_id": chain_id})
    for row in sorted(rows.mappings(), key=lambda row: (row["created_at"], row["account_id"], row["expires_at"])):
        data = {
            "chain_id": chain_id,
            "account_id": str(row["account_id"]),
            "amount_micro_usdc": str(row["amount_micro_usdc"]),
            "expires_at": row["expires_at"].isoformat(),
            "day": row["day"],
        }
        about = {"subject": str(row["account_id"]), "episode_id": None, "account_ids": [row["account_id"]]}
        await _insert(session, "share.notice", about, data)


async def _take_back(session: AsyncSession, chain_id: int) -> None:
    """Facts whose block the chain left; in the opposite order, as one would undo them."""
    gone = (await session.execute(_GONE, {"chain_id": chain_id})).mappings().all()
    for row in sorted(gone, key=lambda row: (row["block_number"], row["log_index"]), reverse=True):
        kind = f"{row['kind'].split('.')[0]}.reorged"
        data = {**row["data"], "was": row["kind"]}
        await _insert(session, kind, row, data)


async def _new_facts(session: AsyncSession, chain_id: int, final_number: int) -> Sequence[_Fact]:
    """In the order of the chain; at most AT_ONCE."""
    found: list[_Fact] = []
    for table, kind in TABLES.items():
        values = {"chain_id": chain_id, "after": final_number, "limit": AT_ONCE}
        found += [_fact(kind, row) for row in (await session.execute(_NEW[table], values)).mappings()]
    return sorted(found, key=lambda fact: fact.place)[:AT_ONCE]


def _fact(kind: str, row: Mapping[Any, Any]) -> _Fact:
    data = described({name: value for name, value in row.items() if name != "episode_id"})
    named = f"{kind}.{row['kind']}" if kind == "wallet" else kind
    tip_id = f"{hex_text(row['tx_hash'])}-{row['log_index']}"
    if kind == "tip.split":
        data["tip_id"] = tip_id
    about = row.get("account_id")
    subject = tip_id if about is None else "platform" if about == ids.PLATFORM_ID else data["account_id"] or tip_id
    return _Fact(
        place=(row["block_number"], row["log_index"]),
        row=row,
        kind=named,
        subject=subject,
        episode_id=row.get("episode_id"),
        account_ids=accounts_of(row),
        data=data,
    )


async def _announce(session: AsyncSession, chain_id: int, fact: _Fact) -> None:
    event_id = await _insert(session, fact.kind, vars(fact), fact.data)
    place = {name: fact.row[name] for name in ("tx_hash", "log_index", "block_number", "block_hash")}
    await session.execute(_REMEMBER, {**place, "chain_id": chain_id, "event_id": event_id})


async def _finish(session: AsyncSession, chain_id: int, final: int) -> None:
    """What has become final is told of tips, and remembered no longer."""
    values = {"chain_id": chain_id, "final": final}
    ended = (await session.execute(_FINAL, values)).mappings().all()
    for row in sorted(ended, key=lambda row: (row["block_number"], row["log_index"])):
        if row["kind"] == "tip.split":
            await _insert(session, "tip.final", row, row["data"])
    await session.execute(_MOVE, values)


async def _insert(session: AsyncSession, kind: str, about: Mapping[Any, Any], data: dict[str, Any]) -> int:
    """`about`: subject, episode_id and account_ids. Answers the event's id."""
    values = {name: about[name] for name in ("subject", "episode_id", "account_ids")}
    return int((await session.execute(_INSERT, {**values, "kind": kind, "data": json.dumps(data)})).scalar_one())


_BEGIN = text(
    """INSERT INTO app.announcer SELECT chain_id, finalized_number FROM ledger.cursor WHERE chain_id = :chain_id
    ON CONFLICT DO NOTHING"""
)
_LOCK = text("SELECT final_number FROM app.announcer WHERE chain_id = :chain_id FOR UPDATE")
_FINALITY = text("SELECT finalized_number FROM ledger.cursor WHERE chain_id = :chain_id")
_INSERT = text(
    """INSERT INTO app.event (kind, subject, episode_id, account_ids, data)
    VALUES (:kind, :subject, :episode_id, :account_ids, CAST(:data AS jsonb)) RETURNING id"""
)
_REMEMBER = text(
    "INSERT INTO app.announced VALUES (:chain_id, :tx_hash, :log_index, :block_number, :block_hash, :event_id)"
)
_SUBMISSIONS = text(
    """UPDATE app.submitted_tip SET announced = true WHERE NOT announced AND chain_id = :chain_id AND kind = ANY(:kinds)
    RETURNING id, kind, episode_id, coalesce(episode_id, payable_id) AS payable_id, payer, amount_micro_usdc, rail,
              created_at"""
)
_NOTICES = text(
    """UPDATE app.hold_notice SET announced = true WHERE NOT announced AND chain_id = :chain_id
    RETURNING account_id, amount_micro_usdc, expires_at, day, created_at"""
)
_ENDED = """DELETE FROM app.announced USING app.event WHERE event.id = event_id AND chain_id = :chain_id AND {}
    RETURNING block_number, log_index, kind, subject, episode_id, account_ids, data"""
_GONE = text(
    _ENDED.format(
        """NOT EXISTS (SELECT FROM ledger.block WHERE block.chain_id = announced.chain_id
            AND block.number = announced.block_number AND block.hash = announced.block_hash)"""
    )
)
_FINAL = text(_ENDED.format("block_number <= :final"))
_MOVE = text("UPDATE app.announcer SET final_number = :final WHERE chain_id = :chain_id")
_UNTOLD = """NOT EXISTS (
           SELECT FROM app.announced
            WHERE announced.chain_id = fact.chain_id AND announced.tx_hash = fact.tx_hash
              AND announced.log_index = fact.log_index)"""


def _new_rows(table: str) -> TextClause:
    of_episodes = table in ("tip_split", "share_held")
    episode_id = ", episode.id AS episode_id" if of_episodes else ""
    episode = "LEFT JOIN app.episode ON episode.ref = fact.ref" if of_episodes else ""
    return text(
        f"""SELECT fact.*, block.hash AS block_hash, block.timestamp AS block_time{episode_id}
          FROM ledger.{table} fact
          JOIN ledger.block ON block.chain_id = fact.chain_id AND block.number = fact.block_number {episode}
         WHERE fact.chain_id = :chain_id AND fact.block_number > :after AND {_UNTOLD}
         ORDER BY fact.block_number, fact.log_index LIMIT :limit"""  # noqa: S608 - constants only
    )


# Told by the block that made it ours: it may be younger than the transfer, and goes when that block goes.
_NEW_TRANSFERS = text(
    f"""SELECT fact.chain_id, fact.noticed_block_number AS block_number, fact.log_index, fact.tx_hash,
           from_address AS payer, fact.amount_micro_usdc, 'transfer' AS rail, vault.vault, vault.ref, vault.creator_id,
           vault.agent_id, block.hash AS block_hash, block.timestamp AS block_time, episode.id AS episode_id
      FROM ledger.usdc_transfer fact
      JOIN ledger.vault_deployed vault ON vault.chain_id = fact.chain_id AND vault.vault = fact.to_address
      LEFT JOIN app.episode ON episode.ref = vault.ref
      JOIN ledger.block ON block.chain_id = fact.chain_id AND block.number = fact.noticed_block_number
     WHERE fact.chain_id = :chain_id AND fact.amount_micro_usdc > 0 AND {_UNTOLD}
       AND (fact.block_number > :after
         OR (fact.noticed_block_number > fact.block_number AND fact.noticed_block_number > :after))
       AND NOT EXISTS (SELECT FROM ledger.vault_flushed flush
            WHERE flush.chain_id = fact.chain_id AND flush.block_number = fact.block_number
              AND flush.tx_hash = fact.tx_hash AND flush.vault = fact.to_address)
     ORDER BY fact.noticed_block_number, fact.log_index LIMIT :limit"""  # noqa: S608 - constants only
)
_NEW = {table: _NEW_TRANSFERS if table == "usdc_transfer" else _new_rows(table) for table in TABLES}
