"""What the contracts themselves answer, at exactly the ledger's head, beside what the API reads from the ledger."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from eth_abi.abi import encode
from eth_utils.crypto import keccak
from psycopg import sql
from sqlalchemy import Column, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from indexer import chain as rpc
from indexer.report import Report
from ledger import balances, db, record
from ledger.deployment import Deployment
from ledger.models import share_held, usdc_transfer, vault_deployed, wallet_event

_WALLET_STATUSES = ("none", "active", "revoked")
_FOREVER = datetime(9999, 1, 1, tzinfo=UTC)
_ALL = 2**31
_WORD = 32

Expected = list[tuple[str, dict[str, Any], tuple[str, str], list[Any]]]
"""What is asked, of whom or what, the call, and the words that the ledger expects in answer."""


@asynccontextmanager
async def snapshot_session(database_url: str, connection: record.Connection) -> AsyncIterator[AsyncSession]:
    """A session that sees what the connection's transaction sees of the ledger."""
    found = await connection.execute("SELECT pg_export_snapshot()")
    (snapshot,) = (await found.fetchone()) or ("",)
    engine = db.async_engine(database_url, "molt_indexer", isolation_level="REPEATABLE READ")
    async with AsyncSession(engine) as session:
        await session.execute(text(f"SET TRANSACTION SNAPSHOT '{snapshot}'"))
        yield session
    await engine.dispose()


async def compare(
    chain: rpc.Chain, session: AsyncSession, rebuilt: record.Connection, deployment: Deployment, report: Report
) -> None:
    """Every balance, bucket and wallet that the ledger or its rebuild knows, and the contract's settings.

    `rebuilt` has the scratch schema: what a missing row hides from the ledger is asked all the same. Raises
    chain.Unavailable.
    """
    expected: Expected = []
    expected += await _splitter_balance(session, deployment)
    expected += await _buckets(session, rebuilt, deployment)
    expected += await _vaults(session, rebuilt, deployment)
    expected += await _wallets(session, rebuilt, deployment)
    expected += await _settings(session, deployment)
    answers = await chain.call([call for _, _, call, _ in expected], report.head_hash)
    for (where, place, _, ours), answer in zip(expected, answers, strict=True):
        if len(answer) != _WORD * len(ours):
            raise rpc.Unavailable(f"{chain.provider.name} has not the contracts' state at block {report.head_number}")
        report.questions[where] = report.questions.get(where, 0) + 1
        report.note(where, place, ours, _words(answer))


async def _splitter_balance(session: AsyncSession, deployment: Deployment) -> Expected:
    moved = usdc_transfer.c

    async def total(side: Any) -> int:
        query = select(func.coalesce(func.sum(moved.amount_micro_usdc), 0)).where(
            moved.chain_id == deployment.chain_id, side == deployment.splitter_bytes
        )
        return int((await session.execute(query)).scalar_one())

    balance = await total(moved.to_address) - await total(moved.from_address)
    return [("splitter balance", {}, _call(deployment.usdc, "balanceOf(address)", deployment.splitter), [balance])]


async def _buckets(session: AsyncSession, rebuilt: record.Connection, deployment: Deployment) -> Expected:
    chain_id, splitter = deployment.chain_id, deployment.splitter
    held = await balances.expired_buckets(session, chain_id, _FOREVER, limit=_ALL)
    amounts = {(bucket.account_id, bucket.expires_at): bucket.amount_micro_usdc for bucket in held}
    ever = await _ever(session, rebuilt, chain_id, share_held.c.account_id, share_held.c.expires_at)
    expected: Expected = [("totalHeld", {}, _call(splitter, "totalHeld()"), [sum(amounts.values())])]
    for account_id, expires_at in ever:
        expiry = int(expires_at.timestamp())
        call = _call(splitter, "held(bytes32,uint64)", account_id, expiry)
        place = {"account_id": "0x" + account_id.hex(), "expires_at": expiry}
        expected.append(("bucket", place, call, [amounts.get((account_id, expires_at), 0)]))
    return expected


async def _vaults(session: AsyncSession, rebuilt: record.Connection, deployment: Deployment) -> Expected:
    filled = await balances.vault_balances(session, deployment.chain_id)
    amounts = {vault.vault: vault.amount_micro_usdc for vault in filled}
    known = await _ever(session, rebuilt, deployment.chain_id, vault_deployed.c.vault)
    return [
        (
            "vault balance",
            {"vault": "0x" + vault.hex()},
            _call(deployment.usdc, "balanceOf(address)", "0x" + vault.hex()),
            [amounts.get(vault, 0)],
        )
        for (vault,) in known
    ]


async def _wallets(session: AsyncSession, rebuilt: record.Connection, deployment: Deployment) -> Expected:
    expected: Expected = []
    for (account_id,) in await _ever(session, rebuilt, deployment.chain_id, wallet_event.c.account_id):
        state = await balances.wallet_of(session, deployment.chain_id, account_id)
        place = {"account_id": "0x" + account_id.hex()}
        wallet = [_number(state.wallet), _WALLET_STATUSES.index(state.status)]
        expected.append(("wallet", place, _call(deployment.splitter, "walletOf(bytes32)", account_id), wallet))
        pending = state.rotation
        rotation = (
            [_number(pending.wallet), int(pending.ready_at.timestamp()), int(pending.vetoed)] if pending else [0, 0, 0]
        )
        expected.append(("rotation", place, _call(deployment.splitter, "rotationOf(bytes32)", account_id), rotation))
    return expected


async def _settings(session: AsyncSession, deployment: Deployment) -> Expected:
    chain_id, splitter = deployment.chain_id, deployment.splitter
    treasury = await balances.treasury(session, chain_id)
    return [
        ("treasury", {}, _call(splitter, "treasury()"), [_number(treasury)]),
        ("minTip", {}, _call(splitter, "minTip()"), [await balances.min_tip(session, chain_id)]),
        ("paused", {}, _call(splitter, "paused()"), [int(await balances.paused(session, chain_id))]),
    ]


async def _ever(
    session: AsyncSession, rebuilt: record.Connection, chain_id: int, *columns: Column[Any]
) -> list[tuple[Any, ...]]:
    """The distinct values of these columns of one table, in the ledger or in its rebuild."""
    table = columns[0].table
    ours = await session.execute(select(*columns).where(table.c.chain_id == chain_id).distinct())
    theirs = await rebuilt.execute(
        sql.SQL("SELECT DISTINCT {} FROM {}.{} WHERE chain_id = %s").format(
            sql.SQL(", ").join(sql.Identifier(column.name) for column in columns),
            sql.Identifier(record.SCRATCH),
            sql.Identifier(str(table.description)),
        ),
        (chain_id,),
    )
    return sorted({tuple(row) for row in ours} | set(await theirs.fetchall()))


def _call(to: str, signature: str, *arguments: Any) -> tuple[str, str]:
    types = [kind for kind in signature.partition("(")[2].rstrip(")").split(",") if kind]
    return to, "0x" + (keccak(text=signature)[:4] + encode(types, arguments)).hex()


def _words(answer: bytes) -> list[int]:
    return [int.from_bytes(answer[start : start + _WORD]) for start in range(0, len(answer), _WORD)]


def _number(address: bytes | None) -> int:
    return int.from_bytes(address or b"")
