"""What others hand to the relayer, and what they are told about it. Runs in the caller's own transaction.

`enqueue` inside the transaction that needs the act: if that rolls back, nothing is sent. Then ask `status`, or LISTEN
on `CHANGED` (payload: the id) and ask again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

Key = Literal["relayer", "registrar", "faucet", "auditor"]
"""In whose name: `relayer` (any of its keys) pays gas for others, `registrar` registers wallets, `faucet` mints test
USDC, `auditor` anchors the audit log."""

State = Literal["queued", "signed", "broadcast", "mined_ok", "mined_reverted", "refused", "lost"]
"""
- queued: nothing is signed yet
- signed: written; may be out already
- broadcast: out; the outcome is unknown, and asking again would not be safe
- mined_ok, mined_reverted: what the receipt says
- refused: it would revert, so it was not sent (or its nonce went to a no-op)
- lost: something that is not ours used its nonce; an operator must look at it
"""

QUEUED = "relay_queued"
"""NOTIFY channel: something was enqueued; the payload is the key's name."""
CHANGED = "relay_changed"
"""NOTIFY channel: state, hash, block or finality of a request changed; the payload is its id."""


class DedupeKeyReused(Exception):
    """The dedupe key names another act already: two different requests must not share one."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request and what became of it."""

    id: UUID
    key: Key
    purpose: str
    dedupe_key: str
    state: State
    settled: bool
    """The outcome can no longer change: its block is final, or nothing was ever signed."""
    sender: bytes | None
    nonce: int | None
    tx_hash: bytes | None
    """Of the attempt that was mined, else of the newest one: it changes when a stuck one is replaced."""
    block_number: int | None
    block_hash: bytes | None
    gas_used: int | None
    gas_price_wei: int | None
    error_code: str | None
    """`TipsPaused`, `Error` (a reason string, in the detail), `Panic`, `OutOfGas`, `Unexplained`, `NonceTaken`, …"""
    error_detail: dict[str, str] | None
    """The custom error's arguments by name (integers as decimal strings, bytes as hex), or `reason`."""
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class LaneStatus:
    """A key as its relayer last saw it."""

    address: bytes
    chain_id: int
    next_nonce: int
    halted: str | None
    """Why nothing is sent until an operator acts."""
    alarm: str | None
    """What an operator should look at soon."""
    balance_wei: int | None
    seen_seconds_ago: float
    """Since the last complete pass: more than a minute means no relayer, no RPC or no database."""


_STATUS = """SELECT id, key_name AS key, purpose, dedupe_key, state, settled_at IS NOT NULL AS settled, sender, nonce,
    tx_hash, block_number, block_hash, gas_used, gas_price_wei, error_code, error_detail, created_at, updated_at
    FROM relay.outbox"""
_BY_ID = text(f"{_STATUS} WHERE id = :id")
_BY_DEDUPE_KEY = text(f"{_STATUS} WHERE dedupe_key = :dedupe_key")

_INSERT = text(
    """INSERT INTO relay.outbox (key_name, to_address, data, value_wei, gas_limit, purpose, dedupe_key)
    VALUES (:key, :to, :data, :value_wei, :gas_limit, :purpose, :dedupe_key)
    ON CONFLICT (dedupe_key) DO NOTHING RETURNING id"""
)
_SAME = text(
    """SELECT id, (key_name, to_address, data, value_wei) = (:key, :to, :data, CAST(:value_wei AS numeric)) AS same
    FROM relay.outbox WHERE dedupe_key = :dedupe_key"""
)


async def enqueue(
    session: AsyncSession,
    *,
    key: Key,
    to: bytes,
    data: bytes,
    value_wei: int = 0,
    gas_limit: int | None = None,
    purpose: str,
    dedupe_key: str,
) -> UUID:
    """Asks for one transaction from `key`, once for ever: the same `dedupe_key` returns the id it got the first time.

    Requests have no order among each other: what needs another one first asks when that one is mined.

    It becomes real when the caller's transaction commits. `purpose` says why, for people (`tip_authorization`);
    `dedupe_key` names the act (`tip:84532:0xpayer:0xnonce`), so that a retry cannot act twice. Without `gas_limit` the
    relayer estimates it. A refused request stays refused: asking anew takes another dedupe key.

    Raises DedupeKeyReused when the key names another act. READ COMMITTED (the default) is expected: two callers with
    one dedupe key at the same moment wait for each other.
    """
    act = {"key": key, "to": to, "data": data, "value_wei": Decimal(value_wei), "dedupe_key": dedupe_key}
    inserted = await session.scalar(_INSERT, {**act, "gas_limit": gas_limit, "purpose": purpose})
    if inserted is not None:
        return _uuid(inserted)
    earlier = (await session.execute(_SAME, act)).one()
    if not earlier.same:
        raise DedupeKeyReused(dedupe_key)
    return _uuid(earlier.id)


async def status(session: AsyncSession, outbox_id: UUID) -> Outgoing | None:
    """None when there is no such request (or its transaction has not committed)."""
    return _outgoing((await session.execute(_BY_ID, {"id": outbox_id})).mappings().one_or_none())


async def status_of_act(session: AsyncSession, dedupe_key: str) -> Outgoing | None:
    """The same, by the dedupe key."""
    return _outgoing((await session.execute(_BY_DEDUPE_KEY, {"dedupe_key": dedupe_key})).mappings().one_or_none())


async def backlog(session: AsyncSession, key: Key) -> int:
    """Requests of this key that are not mined yet: what a newcomer queues behind."""
    waiting = text(
        "SELECT count(*) FROM relay.outbox WHERE key_name = :key AND state IN ('queued', 'signed', 'broadcast')"
    )
    return int(await session.scalar(waiting, {"key": key}) or 0)


async def lanes(session: AsyncSession) -> Sequence[LaneStatus]:
    """Every key that ever sent, for health pages and operators."""
    rows = await session.execute(
        text(
            """SELECT address, chain_id, next_nonce, halted, alarm, balance_wei,
            extract(epoch FROM now() - seen_at) AS seen_seconds_ago FROM relay.lane ORDER BY chain_id, address"""
        )
    )
    return [_lane(row) for row in rows.mappings()]


def _outgoing(row: RowMapping | None) -> Outgoing | None:
    return None if row is None else Outgoing(**row)


def _lane(row: RowMapping) -> LaneStatus:
    balance = row["balance_wei"]
    seen_seconds_ago = float(row["seen_seconds_ago"])
    return LaneStatus(
        **{**row, "balance_wei": None if balance is None else int(balance), "seen_seconds_ago": seen_seconds_ago}
    )


def _uuid(value: Any) -> UUID:
    return value if isinstance(value, UUID) else UUID(str(value))
