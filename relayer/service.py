"""The relayer's process: a lane for each key, woken by Postgres, looked after for ever."""

import asyncio
import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import httpx
import psycopg
import structlog
from eth_utils.address import to_canonical_address
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from ledger import db
from relayer import keys, outbox
from relayer.chain import Chain, Unreachable
from relayer.delivery import Policy
from relayer.fees import FeeCaps
from relayer.keys import Signer
from relayer.kms import KmsError
from relayer.lease import Lease, LeaseLost
from relayer.outbox import Key
from relayer.sender import Sender
from relayer.settings import RelayerSettings, SettingsError

log = structlog.get_logger()

STANDBY_SECONDS = 1.0
FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS = 0.5, 30.0


class WrongChain(Exception):
    """RPC_URLS leads to another chain than CHAIN_ID says."""


@dataclass(frozen=True, slots=True)
class Lane:
    """A key, the names under which it is asked for (none when it is retired), and what wakes it."""

    signer: Signer
    key_names: Collection[Key]
    shared_names: Collection[Key]
    """Those of them that other keys answer to as well."""
    wake: asyncio.Event = field(default_factory=asyncio.Event)


async def run(settings: RelayerSettings) -> None:
    """Runs until cancelled. Stopping it anywhere is safe: what was signed is written, what was written is found again.

    Raises SettingsError when a key cannot be used.
    """
    async with httpx.AsyncClient() as client:
        lanes = _lanes(await _signers(settings, client), _retired(settings))
        chain = Chain([url.get_secret_value() for url in settings.rpc_urls], client)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_listen(settings, lanes))
            for lane in lanes:
                tasks.create_task(_keep(settings, chain, lane))


def policy_of(settings: RelayerSettings) -> Policy:
    return Policy(
        max_in_flight=settings.relayer_max_in_flight,
        poll_seconds=settings.relayer_poll_seconds,
        stuck_after_seconds=settings.relayer_stuck_after_seconds,
        caps=FeeCaps(settings.max_fee_wei, settings.max_priority_fee_wei),
        low_balance_wei=settings.low_balance_wei,
    )


async def _signers(settings: RelayerSettings, client: httpx.AsyncClient) -> dict[Key, Sequence[Signer]]:
    """Waits for the signing service, which alone knows which addresses its keys have."""
    while True:
        try:
            return await keys.load(settings, client)
        except KmsError as error:
            log.warning("signing_service_unavailable", reason=str(error))
        await asyncio.sleep(STANDBY_SECONDS)


def _retired(settings: RelayerSettings) -> Collection[bytes]:
    """Raises SettingsError."""
    try:
        return {to_canonical_address(address) for address in settings.relayer_retired}
    except ValueError:
        raise SettingsError("RELAYER_RETIRED: addresses (0x and 40 hex digits), separated by commas.") from None


def _lanes(signers: dict[Key, Sequence[Signer]], retired: Collection[bytes]) -> list[Lane]:
    """One lane an address: two names of one key share its nonces, and several keys of one name its requests."""
    by_address = {signer.address: signer for several in signers.values() for signer in several}
    names: dict[bytes, list[Key]] = {address: [] for address in by_address}
    shared: set[Key] = set()
    for name, several in signers.items():
        working = [signer for signer in several if signer.address not in retired]
        if not working:
            raise SettingsError(f"RELAYER_RETIRED names every key of {name}: add its successor first.")
        for signer in working:
            names[signer.address].append(name)
        if len(working) > 1:
            shared.add(name)
    return [Lane(by_address[address], found, shared.intersection(found)) for address, found in names.items()]


async def _keep(settings: RelayerSettings, chain: Chain, lane: Lane) -> None:
    """Works whenever no other relayer does, and starts over after whatever went wrong, more slowly each time.

    It leaves the lease in between, so that a relayer elsewhere with a better view of chain or database can take it.
    """
    told = log.bind(address="0x" + lane.signer.address.hex(), keys=sorted(lane.key_names))
    backoff = FIRST_BACKOFF_SECONDS
    while True:
        began = asyncio.get_running_loop().time()
        try:
            await _work(settings, chain, lane)
        except LeaseLost:
            told.warning("lease_lost")
        except psycopg.OperationalError as error:
            told.warning("database_unreachable", sqlstate=error.sqlstate, error=type(error).__name__)
        except (Unreachable, WrongChain) as error:
            told.warning("chain_unreachable", reason=str(error))
        except Exception:  # noqa: BLE001 - a bug met by one request must not stop the other keys; it is logged whole
            told.exception("pass_failed")
        if asyncio.get_running_loop().time() - began > LONGEST_BACKOFF_SECONDS:
            backoff = FIRST_BACKOFF_SECONDS
        await asyncio.sleep(backoff * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
        backoff = min(backoff * 2, LONGEST_BACKOFF_SECONDS)


async def _work(settings: RelayerSettings, chain: Chain, lane: Lane) -> None:
    async with await db.connect_async(settings.database_url, "molt_relayer", autocommit=True) as connection:
        lease = Lease(connection, lane.signer.address, settings.chain_id)
        while not await lease.acquire():  # noqa: ASYNC110 - the lock is in Postgres; nothing here could tell us
            await asyncio.sleep(STANDBY_SECONDS)
        found = await chain.chain_id()
        if found != settings.chain_id:
            raise WrongChain(f"RPC_URLS leads to chain {found}, CHAIN_ID says {settings.chain_id}")
        chain_nonce = await chain.nonce(lane.signer.address, "pending")
        await lease.open(genesis=await chain.genesis(), chain_nonce=chain_nonce)
        log.info("lease_taken", address="0x" + lane.signer.address.hex(), next_nonce=lease.next_nonce)
        sender = Sender(
            chain=chain,
            lease=lease,
            signer=lane.signer,
            key_names=lane.key_names,
            shared_names=lane.shared_names,
            policy=policy_of(settings),
            wake=lane.wake,
        )
        await sender.run()


async def _listen(settings: RelayerSettings, lanes: Sequence[Lane]) -> None:
    """Wakes the lane whose key was asked for. Lanes look by themselves too, so a missed call only costs time."""
    while True:
        try:
            async with await db.connect_async(settings.database_url, "molt_relayer", autocommit=True) as connection:
                await connection.execute(f"LISTEN {outbox.QUEUED}")
                await _tell_orphans(connection, settings.chain_id, lanes)
                for lane in lanes:
                    lane.wake.set()
                async for heard in connection.notifies():
                    for lane in lanes:
                        if heard.payload in lane.key_names:
                            lane.wake.set()
        except psycopg.OperationalError as error:
            log.warning("listener_lost", error=type(error).__name__)
        await asyncio.sleep(STANDBY_SECONDS)


async def _tell_orphans(connection: AsyncConnection[TupleRow], chain_id: int, lanes: Sequence[Lane]) -> None:
    """Only the key that signed can finish a request: what it left behind when it was taken out of the settings."""
    found = await connection.execute(
        """SELECT encode(sender, 'hex'), count(*) FROM relay.outbox
        WHERE chain_id = %s AND settled_at IS NULL AND sender <> ALL(%s) GROUP BY sender""",
        (chain_id, [lane.signer.address for lane in lanes]),
    )
    for sender, count in await found.fetchall():
        log.error("requests_without_key", address=f"0x{sender}", requests=count)
