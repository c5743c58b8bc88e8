"""What the contracts themselves answer, at exactly the ledger's head, beside what the ledger says there.

Buckets, vaults and wallets are asked in pages, in the order of their keys, so that any number of them fits in memory
and a slice of them can be asked. Everything is read through a session whose snapshot has that head.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cache
from itertools import groupby
from typing import Any, LiteralString, NamedTuple

from eth_utils.crypto import keccak
from psycopg import sql
from sqlalchemy import Column, func, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from indexer import chain as rpc
from indexer.report import shown
from ledger import balances, db, record, scratch
from ledger.balances import wallet as wallets
from ledger.deployment import Deployment
from ledger.models import share_claimed, share_held, share_swept, usdc_transfer, vault_deployed, wallet_event
from ledger.reconciliation import Difference, Part

_WALLET_STATUSES = ("none", "active", "revoked")
_WORD = 32
_AMOUNTS_END = 2**63
_AT_ONCE = 4
"""Requests under way at the same time."""

Key = tuple[Any, ...]
Call = tuple[str, str]
"""Whom, and the calldata in hex."""


class Expected(NamedTuple):
    """What is asked, of whom, and the words that the ledger expects in answer."""

    where: str
    place: dict[str, Any]
    call: Call
    words: list[int]
    accounts: tuple[bytes, ...] = ()


class Subject(NamedTuple):
    """A kind of thing of which there are many: what names one, and what the ledger expects the contracts to say."""

    part: Part
    key: tuple[Column[Any], ...]
    expect: Callable[[AsyncSession, Deployment, Sequence[Key]], Awaitable[list[Expected]]]


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


async def ask(chain: rpc.Chain, expected: Sequence[Expected], block_hash: str) -> list[Difference]:
    """Puts the questions in the state of exactly that block. Raises chain.Unavailable."""
    calls = [each.call for each in expected]
    size = -(-len(calls) // _AT_ONCE)
    pages = [calls[start : start + size] for start in range(0, len(calls), size or 1)]
    try:
        answers = await asyncio.gather(*(chain.call(page, block_hash) for page in pages))
    except ValueError as error:
        raise rpc.Unavailable(f"{chain.provider.name} answered a call with no proper hex: {error}") from error
    found: list[Difference] = []
    for each, answer in zip(expected, (answer for page in answers for answer in page), strict=True):
        if len(answer) != _WORD * len(each.words):
            raise rpc.Unavailable(f"{chain.provider.name} has not the contracts' state at block {block_hash}")
        if (theirs := _words(answer)) != each.words:
            value = (_one(each.words), _one(theirs))
            found.append(Difference(each.where, each.place, "value", *value, each.accounts))
    return found


async def keys(
    session: AsyncSession,
    chain_id: int,
    subject: Subject,
    *,
    after: Key = (),
    first: Key = (),
    last: Key = (),
    limit: int | None = None,
) -> list[Key]:
    """The keys that the ledger knows, in order: those after `after`, or from `first` to `last`."""
    key = subject.key
    query = select(*key).where(key[0].table.c.chain_id == chain_id).group_by(*key).order_by(*key).limit(limit)
    if after:
        query = query.where(tuple_(*key) > tuple_(*after))
    if first:
        query = query.where(tuple_(*key) >= tuple_(*first), tuple_(*key) <= tuple_(*last))
    return [tuple(row) for row in await session.execute(query)]


async def hidden_keys(rebuilt: record.Connection, chain_id: int, subject: Subject) -> list[Key]:
    """What the scratch schema knows and the ledger does not: what a missing row hides."""
    query = sql.SQL(_HIDDEN).format(
        names=sql.SQL(", ").join(sql.Identifier(column.name) for column in subject.key),
        scratch=sql.Identifier(scratch.SCRATCH),
        table=sql.Identifier(str(subject.key[0].table.description)),
        chain_id=chain_id,
    )
    return await (await rebuilt.execute(query)).fetchall()


async def totals(session: AsyncSession, deployment: Deployment) -> list[Expected]:
    """What the splitter has, what it holds in all buckets, and its settings."""
    chain_id, splitter = deployment.chain_id, deployment.splitter

    async def total(column: Any, *where: Any) -> int:
        query = select(func.coalesce(func.sum(column), 0)).where(column.table.c.chain_id == chain_id, *where)
        return int((await session.execute(query)).scalar_one())

    moved, ours = usdc_transfer.c, deployment.splitter_bytes
    balance = await total(moved.amount_micro_usdc, moved.to_address == ours)
    balance -= await total(moved.amount_micro_usdc, moved.from_address == ours)
    held = await total(share_held.c.amount_micro_usdc)
    held -= await total(share_claimed.c.amount_micro_usdc) + await total(share_swept.c.amount_micro_usdc)
    treasury = await balances.treasury(session, chain_id)
    min_tip, paused = await balances.min_tip(session, chain_id), await balances.paused(session, chain_id)
    return [
        Expected("splitter balance", {}, _call(deployment.usdc, "balanceOf(address)", splitter), [balance]),
        Expected("totalHeld", {}, _call(splitter, "totalHeld()"), [held]),
        Expected("treasury", {}, _call(splitter, "treasury()"), [_number(treasury)]),
        Expected("minTip", {}, _call(splitter, "minTip()"), [min_tip or 0]),
        Expected("paused", {}, _call(splitter, "paused()"), [int(paused)]),
    ]


async def _buckets(session: AsyncSession, deployment: Deployment, found: Sequence[Key]) -> list[Expected]:
    parameters = {
        "chain_id": deployment.chain_id,
        "account_ids": [account_id for account_id, _ in found],
        "expiries": [expires_at for _, expires_at in found],
    }
    expected = []
    for account_id, expires_at, amount in await session.execute(text(_BUCKETS), parameters):
        expiry = int(expires_at.timestamp())
        call = _call(deployment.splitter, "held(bytes32,uint64)", account_id, expiry)
        place = {"account_id": shown(account_id), "expires_at": expiry}
        expected.append(Expected("bucket", place, call, [int(amount)], (account_id,)))
    return expected


async def _vaults(session: AsyncSession, deployment: Deployment, found: Sequence[Key]) -> list[Expected]:
    parameters = {"chain_id": deployment.chain_id, "vaults": [vault for (vault,) in found]}
    return [
        Expected(
            "vault balance",
            {"vault": shown(vault)},
            _call(deployment.usdc, "balanceOf(address)", shown(vault)),
            [int(amount)],
        )
        for vault, amount in await session.execute(text(_VAULTS), parameters)
    ]


async def _wallets(session: AsyncSession, deployment: Deployment, found: Sequence[Key]) -> list[Expected]:
    """Each account's wallet and pending rotation, replayed as `balances.wallet_of` does."""
    accounts = [account_id for (account_id,) in found]
    parameters = {"chain_id": deployment.chain_id, "account_ids": accounts}
    events = await session.execute(text(_WALLET_EVENTS), parameters)
    states = {
        account_id: wallets.replay([tuple(event)[1:] for event in of_account])
        for account_id, of_account in groupby(events, key=lambda event: event.account_id)
    }
    expected = []
    for account_id in accounts:
        state = states.get(account_id) or wallets.replay([])
        pending = state.rotation
        rotation = (
            [_number(pending.wallet), int(pending.ready_at.timestamp()), int(pending.vetoed)] if pending else [0, 0, 0]
        )
        wallet = [_number(state.wallet), _WALLET_STATUSES.index(state.status)]
        place, splitter = {"account_id": shown(account_id)}, deployment.splitter
        for where, signature, words in (
            ("wallet", "walletOf(bytes32)", wallet),
            ("rotation", "rotationOf(bytes32)", rotation),
        ):
            expected.append(Expected(where, place, _call(splitter, signature, account_id), words, (account_id,)))
    return expected


SUBJECTS = (
    Subject("buckets", (share_held.c.account_id, share_held.c.expires_at), _buckets),
    Subject("vaults", (vault_deployed.c.vault,), _vaults),
    Subject("wallets", (wallet_event.c.account_id,), _wallets),
)


def written(key: Key) -> str:
    """The key as text, to be kept."""
    return ":".join(part.hex() if isinstance(part, bytes) else str(int(part.timestamp())) for part in key)


def parsed(key: str) -> Key:
    """The key that was `written`."""
    first, _, expiry = key.partition(":")
    return (bytes.fromhex(first), datetime.fromtimestamp(int(expiry), UTC)) if expiry else (bytes.fromhex(first),)


def _call(to: str, signature: str, *arguments: bytes | int | str) -> Call:
    """Calldata of a function that takes static types only: ids as bytes, numbers, addresses in hex."""
    return to, _selector(signature) + "".join(map(_word, arguments))


@cache
def _selector(signature: str) -> str:
    return "0x" + keccak(text=signature)[:4].hex()


def _word(argument: bytes | int | str) -> str:
    if isinstance(argument, bytes):
        return f"{argument.hex():0<64}"
    return f"{argument:064x}" if isinstance(argument, int) else f"{argument[2:].lower():0>64}"


def _words(answer: bytes) -> list[int]:
    return [int.from_bytes(answer[start : start + _WORD]) for start in range(0, len(answer), _WORD)]


def _one(words: list[int]) -> Any:
    """For eyes: one number, or several as text; what is too large for an amount or a time is an address."""
    said = [word if word < _AMOUNTS_END else f"0x{word:040x}" for word in words]
    return said[0] if len(said) == 1 else ", ".join(map(str, said))


def _number(address: bytes | None) -> int:
    return int.from_bytes(address or b"")


_HIDDEN: LiteralString = """
SELECT {names} FROM {scratch}.{table} WHERE chain_id = {chain_id}
EXCEPT SELECT {names} FROM ledger.{table} WHERE chain_id = {chain_id} ORDER BY {names}"""

_BUCKETS = """
SELECT k.account_id, k.expires_at,
    (SELECT coalesce(sum(amount_micro_usdc), 0) FROM ledger.share_held AS t
     WHERE t.chain_id = :chain_id AND t.account_id = k.account_id AND t.expires_at = k.expires_at)
  - (SELECT coalesce(sum(amount_micro_usdc), 0) FROM ledger.share_claimed AS t
     WHERE t.chain_id = :chain_id AND t.account_id = k.account_id AND t.expires_at = k.expires_at)
  - (SELECT coalesce(sum(amount_micro_usdc), 0) FROM ledger.share_swept AS t
     WHERE t.chain_id = :chain_id AND t.account_id = k.account_id AND t.expires_at = k.expires_at)
FROM unnest(CAST(:account_ids AS bytea[]), CAST(:expiries AS timestamptz[])) AS k(account_id, expires_at)"""

# `+ 0`, else PostgreSQL, as long as it has no statistics of a table just filled, walks the primary key for each vault.
_VAULTS = """
SELECT k.vault,
    (SELECT coalesce(sum(amount_micro_usdc), 0) FROM ledger.usdc_transfer AS t
     WHERE t.chain_id + 0 = :chain_id AND t.to_address = k.vault)
  - (SELECT coalesce(sum(amount_micro_usdc), 0) FROM ledger.usdc_transfer AS t
     WHERE t.chain_id + 0 = :chain_id AND t.from_address = k.vault)
FROM unnest(CAST(:vaults AS bytea[])) AS k(vault)"""

_WALLET_EVENTS = """
SELECT account_id, kind, wallet, ready_at, 'unsafe' FROM ledger.wallet_event
WHERE chain_id = :chain_id AND account_id = ANY(:account_ids) ORDER BY account_id, block_number, log_index"""
