"""Reads of wallets, each with where it stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from api.accounts.queries import PayoutAccount
from api.wallets import standing
from api.wallets.consent import Signed
from api.wallets.schemas import Wallet
from ledger import balances, ids
from relayer import outbox

_ROW = """SELECT id, account_id, chain_id, address, kind, outbox_id, deploy_outbox_id, created_at,
    NOT EXISTS (SELECT FROM app.wallet later WHERE later.account_id = w.account_id AND later.chain_id = w.chain_id
        AND later.address = w.address AND (later.created_at, later.id) > (w.created_at, w.id)) AS is_newest
    FROM app.wallet w"""
_BY_ID = text(f"{_ROW} WHERE id = :id")
_NEWEST = text(
    f"""{_ROW} WHERE account_id = ANY(:accounts) AND chain_id = :chain_id
        AND (CAST(:created_at AS timestamptz) IS NULL OR (created_at, id) < (:created_at, :id))
    ORDER BY created_at DESC, id DESC LIMIT :limit"""
)
_UNDECIDED = text(
    """SELECT EXISTS (SELECT FROM app.wallet w
    JOIN relay.outbox o ON o.id = coalesce(w.outbox_id, w.deploy_outbox_id)
    WHERE w.account_id = :account_id AND w.chain_id = :chain_id
        AND (o.state IN ('queued', 'signed', 'broadcast')
            OR (w.outbox_id IS NULL AND o.state = 'mined_ok' AND w.deadline > :now)))"""
)
_AWAITING_DEPLOYMENT = text(
    """SELECT w.id, w.address, w.kind, w.account_id, w.deadline, w.signature, w.cosignature
    FROM app.wallet w JOIN relay.outbox o ON o.id = w.deploy_outbox_id
    WHERE w.outbox_id IS NULL AND w.chain_id = :chain_id AND o.state = 'mined_ok' AND w.deadline > :now
    ORDER BY w.created_at LIMIT 100 FOR UPDATE OF w SKIP LOCKED"""
)
_ANNOUNCED = text(
    """SELECT DISTINCT account_id FROM ledger.wallet_event
    WHERE chain_id = :chain_id AND kind = 'rotation_started' AND ready_at <= :now AND ready_at > :since"""
)


@dataclass(frozen=True)
class Row:
    """A request as it is stored."""

    id: UUID
    account_id: UUID
    chain_id: int
    address: bytes
    kind: Literal["register", "rotate"]
    outbox_id: UUID | None
    deploy_outbox_id: UUID | None
    created_at: datetime
    is_newest: bool


async def row(session: AsyncSession, wallet_id: UUID) -> Row | None:
    found = (await session.execute(_BY_ID, {"id": wallet_id})).one_or_none()
    return None if found is None else Row(*found)


async def rows(
    session: AsyncSession,
    chain_id: int,
    account_ids: Sequence[UUID],
    *,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Row]:
    """Newest first."""
    created_at, last = after or (None, None)
    place = {"chain_id": chain_id, "accounts": list(account_ids), "created_at": created_at, "id": last, "limit": limit}
    return [Row(*found) for found in await session.execute(_NEWEST, place)]


async def shown(session: AsyncSession, found: Row, account: PayoutAccount) -> Wallet:
    """With where it stands now."""
    sent = await _sent(session, found)
    head = await balances.head(session, found.chain_id)
    stands = standing.of(
        found.address,
        is_newest=found.is_newest,
        ledger=await balances.wallet_of(session, found.chain_id, ids.account_id(found.account_id)),
        sent=sent,
        ledger_height=head.number if head else -1,
    )
    return Wallet(
        id=found.id,
        account_id=found.account_id,
        role=account.role,
        agent_name=account.agent_name,
        chain_id=found.chain_id,
        address=found.address,
        kind=found.kind,
        tx_hash=sent.tx_hash if sent else None,
        created_at=found.created_at,
        **vars(stands),
    )


async def is_change_pending(session: AsyncSession, chain_id: int, account_id: UUID, *, now: int) -> bool:
    """Whether a request of the account is on its way: another one would sign the same nonce."""
    place = {"chain_id": chain_id, "account_id": account_id, "now": now}
    return bool(await session.scalar(_UNDECIDED, place))


async def awaiting_deployment(session: AsyncSession, chain_id: int, *, now: int) -> list[tuple[UUID, Signed]]:
    """ERC-6492 wallets whose deployment was mined, and whose registration is still to be sent. Locks them.

    Not those whose consent has expired at `now` (unix seconds): a factory may have made no wallet at all, and what
    waits for one for ever would hold up the others.
    """
    rows = await session.execute(_AWAITING_DEPLOYMENT, {"chain_id": chain_id, "now": now})
    return [
        (
            row.id,
            Signed(
                kind=row.kind,
                account_id=row.account_id,
                wallet=row.address,
                deadline=row.deadline,
                consent=row.signature,
                cosignature=row.cosignature,
            ),
        )
        for row in rows
    ]


async def accounts_with_ripe_rotation(
    session: AsyncSession, chain_id: int, *, now: datetime, since: datetime
) -> list[tuple[UUID, balances.PendingRotation]]:
    """Announced changes that took their 48 hours between `since` and `now` (the chain's time) and nobody vetoed."""
    ripe = []
    place: dict[str, Any] = {"chain_id": chain_id, "now": now, "since": since}
    for (account_id,) in await session.execute(_ANNOUNCED, place):
        state = await balances.wallet_of(session, chain_id, account_id)
        waiting = state.rotation
        if waiting is not None and not waiting.vetoed and waiting.ready_at <= now:
            ripe.append((ids.uuid_of(account_id), waiting))
    return ripe


async def _sent(session: AsyncSession, found: Row) -> outbox.Outgoing | None:
    """The registration, or the deployment while that is still to come (or failed)."""
    if found.outbox_id is not None:
        return await outbox.status(session, found.outbox_id)
    deployment = await outbox.status(session, found.deploy_outbox_id) if found.deploy_outbox_id else None
    return deployment if deployment and deployment.state in {"refused", "mined_reverted", "lost"} else None
