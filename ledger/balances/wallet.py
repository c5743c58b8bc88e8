"""Where each account is paid, replayed from its wallet events."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession

from ledger.balances import finality
from ledger.balances.finality import Finality
from ledger.models import cursor, wallet_event

WalletStatus = Literal["none", "active", "revoked"]


@dataclass(frozen=True)
class PendingRotation:
    """An announced wallet change. Anyone may confirm it from `ready_at` on, unless it was vetoed."""

    wallet: bytes
    ready_at: datetime
    vetoed: bool
    finality: Finality


@dataclass(frozen=True)
class WalletState:
    """`wallet` is kept, and receives nothing, when the status is `revoked`."""

    wallet: bytes | None
    status: WalletStatus
    rotation: PendingRotation | None
    finality: Finality | None
    """Of the event that made it so; None when there never was one."""


async def wallet_of(session: AsyncSession, chain_id: int, account_id: bytes) -> WalletState:
    """The account's wallet as the ledger's head has it. Compare with `walletOf` and `rotationOf` of the contract."""
    events = await session.execute(
        select(wallet_event.c.kind, wallet_event.c.wallet, wallet_event.c.ready_at, finality.of(wallet_event))
        .join(cursor, cursor.c.chain_id == wallet_event.c.chain_id)
        .where(wallet_event.c.chain_id == chain_id, wallet_event.c.account_id == account_id)
        .order_by(wallet_event.c.block_number, wallet_event.c.log_index)
    )
    return replay([tuple(event) for event in events])


async def accounts_of_wallet(session: AsyncSession, chain_id: int, wallet: bytes) -> list[bytes]:
    """The accounts that are paid at this wallet now."""
    ever = await session.execute(
        select(wallet_event.c.account_id)
        .distinct()
        .where(wallet_event.c.chain_id == chain_id, wallet_event.c.wallet == wallet, wallet_event.c.kind == "set")
    )
    accounts = [bytes(account) for account in ever.scalars()]
    states = [(account, await wallet_of(session, chain_id, account)) for account in accounts]
    return [account for account, state in states if state.status == "active" and state.wallet == wallet]


def replay(events: Sequence[Sequence[Any]]) -> WalletState:
    """What one account's events, in order, come to; each is (kind, wallet, ready_at, finality)."""
    state = WalletState(wallet=None, status="none", rotation=None, finality=None)
    for kind, wallet, ready_at, known in events:
        match kind:
            case "set":
                state = WalletState(wallet, "active", None, known)
            case "revoked":
                state = WalletState(wallet, "revoked", state.rotation, known)
            case "rotation_started":
                pending = PendingRotation(wallet, ready_at, vetoed=False, finality=known)
                state = WalletState(state.wallet, state.status, pending, state.finality)
            case "rotation_cancelled" if state.rotation:
                vetoed = PendingRotation(wallet, state.rotation.ready_at, vetoed=True, finality=known)
                state = WalletState(state.wallet, state.status, vetoed, state.finality)
    return state
