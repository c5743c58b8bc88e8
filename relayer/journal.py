"""What was asked for and what was signed for it, read back: after a crash this is all there is, and enough.

`record` writes it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from psycopg.rows import dict_row

from relayer.chain import Call
from relayer.fees import Fees
from relayer.keys import Signed
from relayer.lease import Lease
from relayer.outbox import State
from relayer.reverts import Revert

Kind = Literal["request", "no_op"]


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for."""

    id: UUID
    purpose: str
    to: bytes
    data: bytes
    value_wei: int
    gas_limit: int | None
    doubted_seconds: float | None
    """For how long the simulation has said that it would revert."""

    def call(self, sender: bytes) -> Call:
        return Call(sender, self.to, self.data, self.value_wei, self.gas_limit)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A signed transaction, written before it was broadcast."""

    tx_hash: bytes
    nonce: int
    kind: Kind
    raw: bytes
    gas_limit: int
    fees: Fees
    sent_seconds_ago: float | None
    """Since a node was last given it; None: maybe never."""
    answer: str | None
    """The node's words when it refused it."""

    @classmethod
    def of(cls, kind: Kind, signed: Signed) -> "Attempt":
        """One that was just signed."""
        return cls(
            tx_hash=signed.tx_hash,
            nonce=signed.transaction.nonce,
            kind=kind,
            raw=signed.raw,
            gas_limit=signed.transaction.gas_limit,
            fees=signed.transaction.fees,
            sent_seconds_ago=None,
            answer=None,
        )


@dataclass(frozen=True, slots=True)
class Sent:
    """A request with a nonce whose outcome can still change."""

    request: Request
    state: State
    nonce: int
    tx_hash: bytes
    """Of the attempt that counts: the mined one, else the newest."""
    block_number: int | None
    block_hash: bytes | None
    why: Revert | None
    """Why it failed, or why it was given up for a no-op."""
    attempts: Sequence[Attempt]
    """Oldest first."""

    @property
    def is_mined(self) -> bool:
        return self.block_number is not None

    @property
    def current(self) -> Attempt:
        return next(attempt for attempt in self.attempts if attempt.tx_hash == self.tx_hash)

    @property
    def costliest(self) -> Attempt:
        """What a replacement must outbid."""
        return max(self.attempts, key=lambda attempt: attempt.fees.max_fee_wei)

    @property
    def cost_wei(self) -> int:
        """The most that it can take from the key's balance."""
        costliest = self.costliest
        return costliest.gas_limit * costliest.fees.max_fee_wei + self.request.value_wei


@dataclass(frozen=True, slots=True)
class Outstanding:
    """What there is to do for a key."""

    queued: bool
    in_flight: bool
    settling: bool
    """Mined, and not final yet."""


REQUEST = """id, purpose, to_address AS "to", data, value_wei, gas_limit,
    CAST(extract(epoch FROM now() - doubted_since) AS float8) AS doubted_seconds"""
"""The columns of a `Request`."""

_SENT = f"""SELECT {REQUEST}, state, nonce, tx_hash, block_number, block_hash, error_code, error_detail
FROM relay.outbox
"""  # noqa: S608 - constants


async def unsettled(lease: Lease, *, mined_up_to: int) -> list[Sent]:
    """What has a nonce and can still change, in the order of nonces: all that is on its way, and of what is mined
    the part up to this block."""
    rows = await _rows(
        lease,
        _SENT
        + """WHERE sender = %(address)s AND chain_id = %(chain_id)s AND nonce IS NOT NULL AND settled_at IS NULL
            AND (block_number IS NULL OR block_number <= %(mined_up_to)s)
        ORDER BY nonce""",
        mined_up_to=mined_up_to,
    )
    attempts = await _attempts(lease, [row["nonce"] for row in rows])
    return [
        Sent(
            request=request_of(row),
            attempts=attempts[row["nonce"]],
            why=Revert(row["error_code"], row["error_detail"] or {}) if row["error_code"] else None,
            **{name: row[name] for name in ("state", "nonce", "tx_hash", "block_number", "block_hash")},
        )
        for row in rows
    ]


async def settled_nonce(lease: Lease) -> int:
    """One more than the highest nonce whose outcome is final; 0 when there is none."""
    rows = await _rows(
        lease,
        """SELECT coalesce(max(nonce) + 1, 0) AS nonce FROM relay.outbox
        WHERE sender = %(address)s AND chain_id = %(chain_id)s AND settled_at IS NOT NULL""",
    )
    return int(rows[0]["nonce"])


async def nonces_from(lease: Lease, first: int) -> set[int]:
    """The nonces from `first` on that belong to a request, whatever its state."""
    rows = await _rows(
        lease,
        """SELECT nonce FROM relay.outbox
        WHERE sender = %(address)s AND chain_id = %(chain_id)s AND nonce >= %(first)s""",
        first=first,
    )
    return {row["nonce"] for row in rows}


async def fillers(lease: Lease, nonces: Sequence[int]) -> Mapping[int, Sequence[Attempt]]:
    """The no-ops signed so far for nonces that belong to no request."""
    return await _attempts(lease, nonces)


async def outstanding(lease: Lease, key_names: Collection[str]) -> Outstanding:
    """What there is to do, now or later."""
    rows = await _rows(
        lease,
        """SELECT EXISTS (SELECT FROM relay.outbox WHERE state = 'queued' AND key_name = ANY(%(keys)s)) AS queued,
            coalesce(bool_or(block_number IS NULL), false) AS in_flight, count(*) > 0 AS settling
        FROM relay.outbox
        WHERE sender = %(address)s AND chain_id = %(chain_id)s AND nonce IS NOT NULL AND settled_at IS NULL""",
        keys=list(key_names),
    )
    return Outstanding(**rows[0])


async def _attempts(lease: Lease, nonces: Sequence[int]) -> dict[int, list[Attempt]]:
    rows = await _rows(
        lease,
        """SELECT tx_hash, nonce, kind, raw, gas_limit, max_fee_wei, priority_fee_wei, answer,
            CAST(extract(epoch FROM now() - sent_at) AS float8) AS sent_seconds_ago
        FROM relay.attempt WHERE sender = %(address)s AND chain_id = %(chain_id)s AND nonce = ANY(%(nonces)s)
        ORDER BY signed_at, max_fee_wei""",
        nonces=list(nonces),
    )
    found: dict[int, list[Attempt]] = {nonce: [] for nonce in nonces}
    for row in rows:
        fees = Fees(row.pop("max_fee_wei"), row.pop("priority_fee_wei"))
        found[row["nonce"]].append(Attempt(**row, fees=fees))
    return found


def request_of(row: Mapping[str, Any]) -> Request:
    """`row` has the columns REQUEST."""
    names = ("id", "purpose", "to", "data", "gas_limit", "doubted_seconds")
    return Request(value_wei=int(row["value_wei"]), **{name: row[name] for name in names})


async def _rows(lease: Lease, statement: str, **values: Any) -> list[dict[str, Any]]:
    async with lease.connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement, {**values, "address": lease.address, "chain_id": lease.chain_id})
        return await cursor.fetchall()
