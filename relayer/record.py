"""Everything the relayer writes about requests and attempts, under its lease.

Each statement names the states it may leave, so that an outcome is never overwritten by older news. `nonces_given`,
`replaced` and `gap_filled` come before any broadcast of what they write.

Several keys may answer to one name. A request is bound to one of them before it is signed (`claimed`), and for ever
once it is (`nonces_given`: the same UPDATE demands that it is queued and still ours).
"""

from collections.abc import Collection, Sequence
from datetime import timedelta
from operator import itemgetter
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from relayer.chain import Receipt
from relayer.journal import REQUEST, Attempt, Kind, Request, Sent, request_of
from relayer.keys import Signed
from relayer.lease import Lease, LeaseLost, Writing
from relayer.outbox import State
from relayer.reverts import Revert

CLAIM_SECONDS = 60
"""For how long a key may think about a request before another one takes it. Only a key that ended in the middle needs
so long; that nothing is signed twice does not rest on it, but on the state and the name in `_give_nonce`."""

_CLAIM = f"""WITH taken AS MATERIALIZED (
    SELECT id FROM relay.outbox
    WHERE state = 'queued' AND key_name = ANY(%(keys)s) AND not_before <= now()
        AND (claimed_until IS NULL OR claimed_until <= now()) AND id <> ALL(%(declined)s)
    ORDER BY sequence LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
UPDATE relay.outbox SET claimed_by = %(address)s, claimed_until = now() + %(reserved)s
WHERE id IN (SELECT id FROM taken) RETURNING sequence, {REQUEST}
"""  # noqa: S608 - constants


async def claimed(
    lease: Lease, key_names: Collection[str], limit: int, *, declined: Collection[UUID]
) -> Sequence[Request]:
    """Reserves the oldest requests that may be tried now, those that the key declined left out.

    While they are reserved no other key takes them, unless it takes this one CLAIM_SECONDS. `nonces_given` makes the
    reservation permanent; `released` gives back what was not signed.
    """
    async with lease.writing() as writing:
        taken = await writing.execute(
            _CLAIM,
            keys=list(key_names),
            declined=list(declined),
            limit=limit,
            reserved=timedelta(seconds=CLAIM_SECONDS),
        )
        named = dict_row(taken)
        rows = [named(row) for row in await taken.fetchall()]
    return [request_of(row) for row in sorted(rows, key=itemgetter("sequence"))]


async def released(lease: Lease) -> None:
    """Other keys may take at once what this one reserved and did not sign."""
    async with lease.writing() as writing:
        await writing.execute(
            """UPDATE relay.outbox SET claimed_by = NULL, claimed_until = NULL
            WHERE claimed_by = %(address)s AND state = 'queued'"""
        )


async def nonces_given(lease: Lease, signed: Sequence[tuple[Request, Signed]]) -> list[Attempt]:
    """Gives the requests the lease's next nonces, for ever. Only then may the bytes leave this process.

    Raises LeaseLost, and nothing is written, when another key took a request meanwhile or the nonces are not the next
    ones. What was signed is forgotten then; it never left this process.
    """
    after = lease.next_nonce + len(signed)
    async with lease.writing() as writing:
        advanced = await writing.execute(
            """UPDATE relay.lane SET next_nonce = %(after)s
            WHERE address = %(address)s AND chain_id = %(chain_id)s AND next_nonce = %(before)s""",
            before=lease.next_nonce,
            after=after,
        )
        _demand_one(advanced.rowcount)
        for request, one in signed:
            await _give_nonce(writing, request, one)
    lease.next_nonce = after
    return [Attempt.of("request", one) for _, one in signed]


async def replaced(writing: Writing, sent: Sent, kind: Kind, signed: Signed, *, why: Revert | None) -> None:
    """Another attempt at the same nonce. `why`: the reason of a no-op, which becomes the request's."""
    await _insert_attempt(writing, sent.request.id, kind, signed)
    await writing.execute(
        """UPDATE relay.outbox SET tx_hash = %(tx_hash)s, error_code = %(code)s, error_detail = %(detail)s
        WHERE id = %(id)s AND state IN ('signed', 'broadcast')""",
        id=sent.request.id,
        tx_hash=signed.tx_hash,
        **_error(why),
    )


async def gap_filled(writing: Writing, signed: Signed) -> None:
    """A no-op for a nonce that belongs to no request."""
    await _insert_attempt(writing, None, "no_op", signed)


async def offered(writing: Writing, attempt: Attempt, answer: str | None, *, may_be_out: bool) -> None:
    """A node was given the bytes. `answer`: its words when it refused them."""
    await writing.execute(
        "UPDATE relay.attempt SET sent_at = now(), answer = %(answer)s WHERE tx_hash = %(tx_hash)s",
        tx_hash=attempt.tx_hash,
        answer=answer,
    )
    if may_be_out:
        await writing.execute(
            """UPDATE relay.outbox SET state = 'broadcast'
            WHERE sender = %(address)s AND chain_id = %(chain_id)s AND nonce = %(nonce)s AND state = 'signed'""",
            nonce=attempt.nonce,
        )


async def mined(
    writing: Writing, sent: Sent, receipt: Receipt, *, state: State, why: Revert | None, final: bool
) -> None:
    """The outcome as the receipt tells it; it can change until `final`."""
    await writing.execute(
        """UPDATE relay.outbox SET state = %(state)s, tx_hash = %(tx_hash)s, block_number = %(block_number)s,
            block_hash = %(block_hash)s, gas_used = %(gas_used)s, gas_price_wei = %(gas_price_wei)s,
            error_code = %(code)s, error_detail = %(detail)s, settled_at = CASE WHEN %(final)s THEN now() END
        WHERE id = %(id)s AND settled_at IS NULL""",
        id=sent.request.id,
        state=state,
        tx_hash=receipt.tx_hash,
        block_number=receipt.block_number,
        block_hash=receipt.block_hash,
        gas_used=receipt.gas_used,
        gas_price_wei=receipt.gas_price_wei,
        final=final,
        **_error(why),
    )


async def settled(writing: Writing, sent: Sent) -> None:
    """Its block is final: the outcome stands as it is."""
    await writing.execute(
        "UPDATE relay.outbox SET settled_at = now() WHERE id = %(id)s AND settled_at IS NULL", id=sent.request.id
    )


async def fallen_out(writing: Writing, sent: Sent) -> None:
    """Its block is no longer part of the chain: it is on its way again, and the same bytes are sent at once."""
    await writing.execute(
        """UPDATE relay.outbox SET state = 'broadcast', block_number = NULL, block_hash = NULL, gas_used = NULL,
            gas_price_wei = NULL, error_code = CASE WHEN state = 'refused' THEN error_code END,
            error_detail = CASE WHEN state = 'refused' THEN error_detail END
        WHERE id = %(id)s AND settled_at IS NULL""",
        id=sent.request.id,
    )
    await writing.execute("UPDATE relay.attempt SET sent_at = NULL WHERE tx_hash = %(tx_hash)s", tx_hash=sent.tx_hash)


async def lost(writing: Writing, sent: Sent, why: Revert) -> None:
    """Its nonce went to a transaction that is not ours, finally."""
    await writing.execute(
        """UPDATE relay.outbox SET state = 'lost', settled_at = now(), error_code = %(code)s, error_detail = %(detail)s
        WHERE id = %(id)s AND state IN ('signed', 'broadcast')""",
        id=sent.request.id,
        **_error(why),
    )


async def refused(writing: Writing, request: Request, why: Revert) -> None:
    """Nothing was signed, and nothing will be."""
    await writing.execute(
        """UPDATE relay.outbox SET state = 'refused', settled_at = now(), error_code = %(code)s,
            error_detail = %(detail)s
        WHERE id = %(id)s AND state = 'queued' AND claimed_by = %(address)s""",
        id=request.id,
        **_error(why),
    )


async def postponed(writing: Writing, request: Request, seconds: float, *, doubted: bool) -> None:
    """Not tried again before `seconds` have passed. `doubted`: the simulation said that it would revert."""
    await writing.execute(
        """UPDATE relay.outbox SET not_before = now() + %(wait)s,
            doubted_since = CASE WHEN %(doubted)s THEN coalesce(doubted_since, now()) END
        WHERE id = %(id)s AND state = 'queued' AND claimed_by = %(address)s""",
        id=request.id,
        wait=timedelta(seconds=seconds),
        doubted=doubted,
    )


async def lane_seen(writing: Writing, *, balance_wei: int, alarm: str | None, halted: str | None) -> None:
    """That the key was looked after, and what an operator should know."""
    await writing.execute(
        """UPDATE relay.lane SET seen_at = now(), balance_wei = %(balance_wei)s, alarm = %(alarm)s, halted = %(halted)s
        WHERE address = %(address)s AND chain_id = %(chain_id)s""",
        balance_wei=balance_wei,
        alarm=alarm,
        halted=halted,
    )


async def _give_nonce(writing: Writing, request: Request, signed: Signed) -> None:
    taken = await writing.execute(
        """UPDATE relay.outbox SET state = 'signed', sender = %(address)s, chain_id = %(chain_id)s, nonce = %(nonce)s,
            tx_hash = %(tx_hash)s, doubted_since = NULL, claimed_by = NULL, claimed_until = NULL
        WHERE id = %(id)s AND state = 'queued' AND claimed_by = %(address)s""",
        id=request.id,
        nonce=signed.transaction.nonce,
        tx_hash=signed.tx_hash,
    )
    _demand_one(taken.rowcount)
    await _insert_attempt(writing, request.id, "request", signed)


async def _insert_attempt(writing: Writing, outbox_id: UUID | None, kind: Kind, signed: Signed) -> None:
    transaction = signed.transaction
    await writing.execute(
        """INSERT INTO relay.attempt (tx_hash, outbox_id, sender, chain_id, nonce, kind, raw, gas_limit, max_fee_wei,
            priority_fee_wei)
        VALUES (%(tx_hash)s, %(outbox_id)s, %(address)s, %(chain_id)s, %(nonce)s, %(kind)s, %(raw)s, %(gas_limit)s,
            %(max_fee_wei)s, %(priority_fee_wei)s)""",
        tx_hash=signed.tx_hash,
        outbox_id=outbox_id,
        nonce=transaction.nonce,
        kind=kind,
        raw=signed.raw,
        gas_limit=transaction.gas_limit,
        max_fee_wei=transaction.fees.max_fee_wei,
        priority_fee_wei=transaction.fees.priority_fee_wei,
    )


def _error(why: Revert | None) -> dict[str, Any]:
    return {"code": why.code if why else None, "detail": Jsonb(why.detail) if why else None}


def _demand_one(rowcount: int) -> None:
    if rowcount != 1:
        raise LeaseLost
