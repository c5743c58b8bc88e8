"""A relayer's world: a database to enqueue into, a chain to look at, and the relayer itself, here or as a process."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import httpx
from eth_account import Account
from eth_account.signers.local import LocalAccount
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from deploy.local import accounts
from ledger import db
from relayer import outbox, service
from relayer.outbox import Outgoing
from relayer.settings import RelayerSettings

Found = TypeVar("Found")
ROOT = Path(__file__).resolve().parents[2]
QUICK = {"relayer_poll_seconds": 0.1, "relayer_stuck_after_seconds": 1.0}


def one_key_a_name() -> dict[str, str]:
    return {name: keys.split(",")[0] for name, keys in accounts.service_keys().items()}


@dataclass
class World:
    database_url: str
    rpc_url: str
    engine: AsyncEngine
    http: httpx.AsyncClient
    keys: dict[str, str] = field(default_factory=one_key_a_name, repr=False)

    # --------------------------------------------------------------------------------------------------------- requests

    async def enqueue(self, **changes: Any) -> UUID:
        """A transfer of 1 wei to a fresh address, unless told otherwise."""
        act = {"key": "relayer", "to": fresh_address(), "data": b"", "value_wei": 1, "purpose": "test"}
        act["dedupe_key"] = os.urandom(8).hex()
        async with AsyncSession(self.engine) as session, session.begin():
            return await outbox.enqueue(session, **{**act, **changes})

    async def status(self, outbox_id: UUID) -> Outgoing:
        async with AsyncSession(self.engine) as session:
            found = await outbox.status(session, outbox_id)
        assert found is not None
        return found

    async def until(self, outbox_id: UUID, *states: str, seconds: float = 20) -> Outgoing:
        return await eventually(
            lambda: self.status(outbox_id), lambda found: found.state in states, f"state in {states}", seconds
        )

    async def until_settled(self, outbox_id: UUID, seconds: float = 20) -> Outgoing:
        """While the chain goes on: two epochs (64 blocks) make a block final."""

        async def later() -> Outgoing:
            await self.rpc("anvil_mine", hex(10))
            return await self.status(outbox_id)

        return await eventually(later, lambda found: found.settled, "settled", seconds)

    async def attempts(self, outbox_id: UUID) -> list[dict[str, Any]]:
        """All attempts at a request, oldest first."""
        return await self.rows(
            """SELECT tx_hash, raw, kind, nonce, max_fee_wei, priority_fee_wei, sent_at, answer
            FROM relay.attempt WHERE outbox_id = %s ORDER BY signed_at""",
            outbox_id,
        )

    async def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        async with await db.connect_async(self.database_url, autocommit=True) as connection:
            cursor = await connection.execute(statement, values or None)
            names = [column.name for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in await cursor.fetchall()] if names else []

    # ------------------------------------------------------------------------------------------------------------ chain

    async def rpc(self, method: str, *params: Any) -> Any:
        answer = await self.rpc_answer(method, *params)
        assert "error" not in answer, answer
        return answer["result"]

    async def rpc_answer(self, method: str, *params: Any) -> dict[str, Any]:
        question = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return (await self.http.post(self.rpc_url, json=question)).json()

    async def balance(self, address: bytes) -> int:
        return int(await self.rpc("eth_getBalance", "0x" + address.hex(), "latest"), 16)

    async def nonce(self, account: LocalAccount, block: str = "latest") -> int:
        return int(await self.rpc("eth_getTransactionCount", account.address, block), 16)

    async def send_foreign(self, account: LocalAccount, nonce: int, gwei: int = 3) -> str:
        """A transaction from one of our keys that the relayer knows nothing of."""
        signed = account.sign_transaction(
            {
                "type": 2,
                "chainId": 84532,
                "nonce": nonce,
                "to": account.address,
                "value": 0,
                "gas": 21000,
                "maxFeePerGas": gwei * 10**9,
                "maxPriorityFeePerGas": min(gwei, 2) * 10**9,
            }
        )
        return await self.rpc("eth_sendRawTransaction", "0x" + signed.raw_transaction.hex())

    # ---------------------------------------------------------------------------------------------------------- relayer

    def settings(self, **changes: Any) -> RelayerSettings:
        given = {name.lower(): key for name, key in self.keys.items()}
        return RelayerSettings(
            _env_file=None,
            **{"DATABASE_URL": self.database_url, "rpc_urls": self.rpc_url, **given, **QUICK, **changes},
        )

    @asynccontextmanager
    async def relayer(self, **changes: Any) -> AsyncIterator[None]:
        """The relayer, in this process."""
        running = asyncio.create_task(service.run(self.settings(**changes)))
        try:
            yield
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    def process(self, log: Path | None = None, **environment: str) -> subprocess.Popen[bytes]:
        """The relayer as `make up` runs it."""
        path = log or Path(os.devnull)
        with path.open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "relayer", "run"],
                cwd=ROOT,
                env={**self.environment(), **environment},
                stdout=output,
                stderr=output,
            )

    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "DATABASE_URL": self.database_url,
            "RPC_URLS": self.rpc_url,
            "RELAYER_POLL_SECONDS": "0.1",
            "RELAYER_STUCK_AFTER_SECONDS": "5",
            **self.keys,
        }


@asynccontextmanager
async def a_world(database_url: str, rpc_url: str) -> AsyncIterator[World]:
    engine = db.async_engine(database_url, "molt_api")
    async with httpx.AsyncClient(timeout=30) as http:
        yield World(database_url, rpc_url, engine, http)
    await engine.dispose()


async def eventually(
    ask: Callable[[], Awaitable[Found]], accept: Callable[[Found], bool], what: str, seconds: float = 20
) -> Found:
    deadline = time.monotonic() + seconds
    while True:
        found = await ask()
        if accept(found):
            return found
        assert time.monotonic() < deadline, f"not {what} after {seconds} s: {found}"
        await asyncio.sleep(0.05)


def address_of(account: LocalAccount) -> bytes:
    return bytes.fromhex(account.address[2:])


def key_of(account: LocalAccount) -> str:
    return "0x" + bytes(account.key).hex()


def fresh_address() -> bytes:
    return os.urandom(20)


RELAYER: LocalAccount = accounts.cast().relayer
REGISTRAR: LocalAccount = accounts.cast().registrar
RELAYERS: tuple[LocalAccount, ...] = (*accounts.cast().relayers, accounts.cast().pauser)
"""Three keys that may share the name `relayer`, RELAYER first."""


def a_stranger() -> LocalAccount:
    return Account.create()
