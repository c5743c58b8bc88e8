"""A ledger filled by hand, through its only writer: block by block, with the facts that a test is about."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from eth_utils.address import to_checksum_address
from sqlalchemy.ext.asyncio import AsyncSession

from ledger import copying, db, facts, record
from ledger.deployment import Deployment
from ledger.money import MicroUsdc, split

CHAIN_ID = 84532
START = datetime(2026, 1, 1, tzinfo=UTC)
BLOCK_SECONDS = 3600


def wallet(number: int) -> bytes:
    return number.to_bytes(20)


def account(number: int) -> bytes:
    return number.to_bytes(32)


_NOBODY = to_checksum_address(wallet(0xAA))
_DOMAIN: Any = {"name": "", "version": "", "chainId": CHAIN_ID, "verifyingContract": _NOBODY}
DEPLOYMENT = Deployment(CHAIN_ID, _NOBODY, _DOMAIN, to_checksum_address(wallet(0xBB)), _DOMAIN, 1, None)


def block(number: int, *, has_events: bool = True, fork: int = 0) -> facts.Block:
    before = 0 if number == 1 else fork
    return facts.Block(
        CHAIN_ID,
        number,
        hash_of(number, fork),
        hash_of(max(0, number - 1), before),
        START + timedelta(seconds=number * BLOCK_SECONDS),
        has_events,
    )


def hash_of(number: int, fork: int = 0) -> bytes:
    return bytes([fork]) + number.to_bytes(31)


@dataclass
class Books:
    """Each call of a fact adds it to the block being written; `mine` appends that block."""

    connection: record.Connection
    cursor: record.Cursor
    session: AsyncSession
    fork: int = 0
    _facts: list[facts.Fact] = field(default_factory=list)
    _late: list[facts.UsdcFact] = field(default_factory=list)

    async def mine(self, safe: int = 0, final: int = 0) -> None:
        number = self.cursor.head_number + 1
        head = block(number, has_events=bool(self._facts), fork=self.fork)._replace(parent_hash=self.cursor.head_hash)
        late_blocks = [block(number) for number in sorted({fact.block_number for fact in self._late})]
        rows = {"block": [copying.row("block", head)], **copying.rows_of(self._facts)}
        batch = record.Batch(self.cursor.head_hash, head, rows, "bloom", late_blocks, self._late)
        self.cursor = await record.append(self.connection, self.cursor, batch, record.Finality(safe, final, number))
        self._facts, self._late = [], []

    def taken(self) -> list[facts.Fact]:
        """The facts of the block being written, which then has none."""
        found, self._facts = self._facts, []
        return found

    async def rewind(self, number: int) -> None:
        self.cursor = await record.rewind(self.connection, self.cursor, number)
        self.fork += 1

    def tip(self, amount: int = 250_000, **changes: Any) -> facts.TipSplit:
        shares = split(MicroUsdc(amount))
        fact = facts.TipSplit(
            *self._place(),
            ref=account(7),
            creator_id=account(1),
            agent_id=account(2),
            payer=wallet(9),
            amount_micro_usdc=MicroUsdc(amount),
            creator_share_micro_usdc=shares.creator,
            agent_share_micro_usdc=shares.agent,
            creator_wallet=wallet(1),
            agent_wallet=wallet(2),
            held_mask=0,
            rail="approve",
        )._replace(**changes)
        self._facts.append(fact)
        return fact

    def hold(self, amount: int, expires_at: datetime, account_id: bytes = account(1), **changes: Any) -> None:
        place = self._place()
        fact = facts.ShareHeld(*place, account_id, account(7), expires_at, MicroUsdc(amount), "no_wallet")
        self._facts.append(fact._replace(**changes))

    def claim(self, amount: int, expires_at: datetime, account_id: bytes = account(1)) -> None:
        self._facts.append(facts.ShareClaimed(*self._place(), account_id, wallet(1), expires_at, MicroUsdc(amount)))

    def sweep(self, amount: int, expires_at: datetime, account_id: bytes = account(1)) -> None:
        self._facts.append(facts.ShareSwept(*self._place(), account_id, wallet(3), expires_at, MicroUsdc(amount)))

    def wallet_event(self, kind: str, new: int, ready_at: datetime | None = None) -> None:
        self._facts.append(facts.WalletEvent(*self._place(), kind, account(1), wallet(new), None, ready_at))

    def vault(self, address: int = 50) -> None:
        self._facts.append(facts.VaultDeployed(*self._place(), wallet(address), account(7), account(1), account(2)))

    def flush(self, address: int, amount: int) -> None:
        """The transfers out of it are other facts."""
        self._facts.append(
            facts.VaultFlushed(*self._place(), wallet(address), account(7), None, MicroUsdc(amount), None)
        )

    def transfer(self, source: int, to: int, amount: int) -> facts.UsdcTransfer:
        number = self.cursor.head_number + 1
        fact = facts.UsdcTransfer(*self._place(), wallet(source), wallet(to), MicroUsdc(amount), number)
        self._facts.append(fact)
        return fact

    def late_transfer(self, number: int, log_index: int = 0) -> None:
        noticed = self.cursor.head_number + 1
        place = (CHAIN_ID, number, log_index, b"\x44" * 32)
        self._late.append(facts.UsdcTransfer(*place, wallet(9), wallet(50), MicroUsdc(5), noticed))

    def authorization(self, nonce: int) -> None:
        number = self.cursor.head_number + 1
        self._facts.append(facts.AuthorizationUsed(*self._place(), wallet(9), account(nonce), number))

    def contract_event(self, name: str, **args: str) -> None:
        self._facts.append(facts.ContractEvent(*self._place(), name, dict(args)))

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        return await (await self.connection.execute(query)).fetchall()  # type: ignore[arg-type]

    def _place(self) -> tuple[int, int, int, bytes]:
        number = self.cursor.head_number + 1
        return CHAIN_ID, number, len(self._facts), hash_of(number, 99)


@asynccontextmanager
async def opened(database_url: str) -> AsyncIterator[Books]:
    """Writes as the indexer, reads as the API."""
    connection = await db.connect_async(database_url, "molt_indexer", autocommit=True)
    engine = db.async_engine(database_url, "molt_api", isolation_level="AUTOCOMMIT")
    async with connection, AsyncSession(engine) as session:
        cursor = await record.open_cursor(connection, DEPLOYMENT, block(0, has_events=False))
        yield Books(connection, cursor, session)
    await engine.dispose()
