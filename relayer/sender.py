"""One key's work, pass after pass: look at the chain, settle what is known, push what is not, sign what is new.

A pass needs nothing from the one before to be right: it starts from what `journal` and the chain say. So a crash at any
line is followed by the same pass as if there had been none.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from uuid import UUID

import psycopg
import structlog

from relayer import fees, journal, nonces, record
from relayer.chain import Answer, Chain, Head, classified
from relayer.delivery import CANNOT_SIGN, NO_OP_GAS, Delivery, Policy
from relayer.fees import Fees
from relayer.journal import Request, Sent
from relayer.keys import Signed, Signer, Unsigned
from relayer.lease import Lease, LeaseLost
from relayer.outbox import Key
from relayer.reverts import Revert
from relayer.settlement import View, settle
from relayer.simulation import LATEST, PENDING, CannotTell, Verdict, WouldRevert, WouldSucceed, verdict

log = structlog.get_logger()

SETTLING_SECONDS = 4.0
"""Between looks when everything is mined and only waits to be final."""
IDLE_SECONDS = 15.0
HALTED_SECONDS = 10.0
HEARTBEAT_SECONDS = 12.0

DOUBT_SECONDS = 1.0
"""Between two simulations of a request that would revert."""
REFUSED_AFTER_SECONDS = 2.0
"""One revert is no refusal: the node may be a block behind, or what the request needs may be on its way."""
TOO_EARLY_PATIENCE_SECONDS = 60.0
"""The same for what only needs time to pass: clocks differ."""
ASK_AGAIN_SECONDS = 5.0

CANNOT_PAY = "the balance does not cover what is asked: fund this key"
_FOREVER = 2**62


@dataclass(frozen=True, slots=True)
class Ready:
    """A request that would succeed."""

    request: Request
    gas_limit: int


class Sender:
    """Works under one lease. `run` ends only by an exception: Unreachable, LeaseLost, psycopg's, or cancellation."""

    def __init__(
        self,
        *,
        chain: Chain,
        lease: Lease,
        signer: Signer,
        key_names: Collection[Key],
        shared_names: Collection[Key],
        policy: Policy,
        wake: asyncio.Event,
    ) -> None:
        self._chain = chain
        self._lease = lease
        self._signer = signer
        self._key_names = key_names
        self._shared_names = shared_names
        self._policy = policy
        self._wake = wake
        self._delivery = Delivery(chain, lease, signer, policy)
        self._log = log.bind(address="0x" + signer.address.hex())
        self._last_head: Head | None = None
        self._last_heartbeat = -HEARTBEAT_SECONDS
        self._last_halted: str | None = None
        self._last_alarms: set[str] = set()
        self._alarms: set[str] = set()
        self._declined: dict[UUID, float] = {}
        """What this key cannot pay for, and until when (monotonic) it leaves it to others."""
        self._sparing_until: float | None = None
        """Set while the last signature failed."""

    async def run(self) -> None:
        await record.released(self._lease)  # what the holder before us was about to sign
        while True:
            self._wake.clear()
            try:
                delay = await self._pass()
            except (nonces.ChainReplaced, nonces.ChainBehind) as halt:
                await self._heartbeat(halted=str(halt))
                delay = HALTED_SECONDS
            await self._sleep(delay)

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)

    async def _pass(self) -> float:
        """Returns how long it may wait for the next one."""
        view = await self._look()
        await self._check_nonces(view)
        sent = await self._settled(view)
        quoted = await self._quote(view)
        await self._delivery.push(view, sent, quoted)
        self._alarms |= self._delivery.alarms
        if quoted is not None:
            await self._send_new(view, sent, quoted)
        await self._heartbeat(halted=None)
        self._last_head = view.head
        return await self._delay()

    # ------------------------------------------------------------------------------------------------------------- look

    async def _look(self) -> View:
        last = self._last_head
        head, finalized_number, nonce, seen = await asyncio.gather(
            self._chain.head(),
            self._chain.finalized_number(),
            self._chain.nonce(self._signer.address),
            self._chain.block_hash(last.number if last else 0),
        )
        reorganised = last is None or seen != last.hash
        if reorganised and last is not None:
            self._log.warning("chain_reorganised", block_number=last.number)
        return View(head, finalized_number, nonce, reorganised)

    async def _check_nonces(self, view: View) -> None:
        """Raises ChainReplaced, ChainBehind. Goes on behind whatever somebody else sent with our key."""
        nonces.check_same_chain(
            chain_nonce=view.nonce,
            settled_nonce=await journal.settled_nonce(self._lease),
            chain_genesis=await self._chain.genesis() if view.reorganised else self._lease.genesis,
            lane_genesis=self._lease.genesis,
        )
        next_nonce = nonces.adopted(next_nonce=self._lease.next_nonce, chain_nonce=view.nonce)
        if next_nonce > self._lease.next_nonce:
            self._log.warning("foreign_nonces_adopted", ours=self._lease.next_nonce, chain=next_nonce)
            await self._lease.advance(next_nonce)

    async def _settled(self, view: View) -> Sequence[Sent]:
        """Learns what became of what was sent; returns what is still on its way."""
        mined_up_to = _FOREVER if view.reorganised else view.finalized_number
        sent = await journal.unsettled(self._lease, mined_up_to=mined_up_to)
        if await settle(self._chain, self._lease, view, sent):
            sent = await journal.unsettled(self._lease, mined_up_to=mined_up_to)
        return [item for item in sent if not item.is_mined]

    async def _quote(self, view: View) -> Fees | None:
        quoted = fees.quote(
            base_fee_wei=view.head.base_fee_wei,
            priority_fee_wei=await self._chain.priority_fee(),
            caps=self._policy.caps,
        )
        if quoted is None:
            self._alarms.add("the base fee is above RELAYER_MAX_FEE_GWEI: nothing new is sent")
        return quoted

    # ------------------------------------------------------------------------------------------------------------- send

    async def _send_new(self, view: View, sent: Sequence[Sent], quoted: Fees) -> None:
        room, names = self._room(sent), self._names_now(view, sent)
        if room <= 0 or not names:
            return
        free_wei = await self._chain.balance(self._signer.address) - sum(item.cost_wei for item in sent)
        if free_wei < NO_OP_GAS * quoted.max_fee_wei:
            self._alarms.add(CANNOT_PAY)
            return
        async with self._claimed(names, room) as requests:
            if requests:
                await self._send_some(requests, free_wei, quoted)

    def _room(self, sent: Sequence[Sent]) -> int:
        """How many requests to take. After a signature that failed: none for a while, then one to see whether it works
        again, so that what this key cannot sign is with the other keys most of the time."""
        room = self._policy.max_in_flight - len(sent)
        if self._sparing_until is None:
            return room
        self._alarms.add(CANNOT_SIGN)
        return 0 if time.monotonic() < self._sparing_until else min(room, 1)

    def _names_now(self, view: View, sent: Sequence[Sent]) -> Collection[Key]:
        """Whose requests to take: while the queue is held up, only those that no other key could send."""
        if not self._delivery.is_held_up(view, sent):
            return self._key_names
        return [name for name in self._key_names if name not in self._shared_names]

    @asynccontextmanager
    async def _claimed(self, names: Collection[Key], limit: int) -> AsyncIterator[Sequence[Request]]:
        """Requests that are this key's for as long as the context lasts; those that it signs meanwhile, for ever.

        When the relayer is stopped in here, whoever takes the lease next gives them back.
        """
        now = time.monotonic()
        self._declined = {request: until for request, until in self._declined.items() if until > now}
        requests = await record.claimed(self._lease, names, limit, declined=self._declined)
        try:
            yield requests
        except Exception:
            with suppress(LeaseLost, psycopg.Error):
                await record.released(self._lease)
            raise
        if requests:
            await record.released(self._lease)

    async def _send_some(self, requests: Sequence[Request], free_wei: int, quoted: Fees) -> None:
        verdicts = await asyncio.gather(*map(self._judged, requests))
        ready = [
            Ready(request, found.gas_limit)
            for request, found in zip(requests, verdicts, strict=True)
            if isinstance(found, WouldSucceed)
        ]
        await self._put_aside(requests, verdicts)
        affordable = self._affordable(ready, free_wei, quoted)
        if affordable:
            await self._sign_and_send(affordable, quoted)

    async def _judged(self, request: Request) -> Verdict:
        """What is pending may be in the way and never be mined, so what is mined has the last word on a refusal."""
        call = request.call(self._signer.address)
        found = await verdict(self._chain, call, PENDING)
        return await verdict(self._chain, call, LATEST) if _is_over(request, found) else found

    async def _sign_and_send(self, ready: Sequence[Ready], quoted: Fees) -> None:
        signed = await self._signed(ready, quoted)
        self._sparing_until = time.monotonic() + ASK_AGAIN_SECONDS if len(signed) < len(ready) else None
        if not signed:
            return
        attempts = await record.nonces_given(self._lease, signed)
        for request, transaction in signed:
            self._tell_signed(request, transaction)
        await self._delivery.broadcast(attempts)

    async def _signed(self, ready: Sequence[Ready], quoted: Fees) -> list[tuple[Request, Signed]]:
        """In the order of nonces, up to the first that could not be signed; what is behind it is forgotten."""
        first = self._lease.next_nonce
        found = await asyncio.gather(
            *(self._delivery.sign(self._unsigned(one, first + place, quoted)) for place, one in enumerate(ready))
        )
        self._alarms |= self._delivery.alarms
        signed = itertools.takewhile(lambda one: one is not None, found)
        return [(one.request, transaction) for one, transaction in zip(ready, signed, strict=False) if transaction]

    def _unsigned(self, ready: Ready, nonce: int, quoted: Fees) -> Unsigned:
        return Unsigned(
            chain_id=self._lease.chain_id,
            nonce=nonce,
            to=ready.request.to,
            data=ready.request.data,
            value_wei=ready.request.value_wei,
            gas_limit=ready.gas_limit,
            fees=quoted,
        )

    def _tell_signed(self, request: Request, signed: Signed) -> None:
        self._log.info(
            "transaction_signed",
            outbox_id=str(request.id),
            purpose=request.purpose,
            nonce=signed.transaction.nonce,
            tx_hash=signed.tx_hash.hex(),
            max_fee_wei=signed.transaction.fees.max_fee_wei,
        )

    async def _put_aside(self, requests: Sequence[Request], verdicts: Sequence[Verdict]) -> None:
        """Refuses what keeps reverting; tries the rest of what cannot be sent now again later."""
        for request, found in zip(requests, verdicts, strict=True):
            match found:
                case WouldRevert(why) if _is_over(request, found):
                    async with self._lease.writing() as writing:
                        await record.refused(writing, request, why)
                    self._log.info(
                        "request_refused", outbox_id=str(request.id), purpose=request.purpose, error_code=why.code
                    )
                case WouldRevert():
                    await self._postpone(request, DOUBT_SECONDS, doubted=True)
                case CannotTell(why):
                    self._log.warning("simulation_failed", outbox_id=str(request.id), node_said=why)
                    if classified(why) is Answer.NO_FUNDS:
                        self._decline(request)
                    else:
                        await self._postpone(request, ASK_AGAIN_SECONDS, doubted=False)
                case WouldSucceed():
                    pass

    def _affordable(self, ready: Sequence[Ready], free_wei: int, quoted: Fees) -> list[Ready]:
        """Those that the balance covers, in order: what a key cannot pay for must not take a nonce."""
        affordable: list[Ready] = []
        for one in ready:
            cost_wei = one.gas_limit * quoted.max_fee_wei + one.request.value_wei
            if cost_wei <= free_wei:
                free_wei -= cost_wei
                affordable.append(one)
            else:
                self._decline(one.request)
        return affordable

    def _decline(self, request: Request) -> None:
        self._alarms.add(CANNOT_PAY)
        self._declined[request.id] = time.monotonic() + ASK_AGAIN_SECONDS

    async def _postpone(self, request: Request, seconds: float, *, doubted: bool) -> None:
        async with self._lease.writing() as writing:
            await record.postponed(writing, request, seconds, doubted=doubted)

    # ------------------------------------------------------------------------------------------------------------- tell

    async def _heartbeat(self, *, halted: str | None) -> None:
        """Says that the key is looked after and what is wrong with it: at once when that is new, else now and then."""
        is_news = halted != self._last_halted or not self._alarms <= self._last_alarms
        if not is_news and time.monotonic() - self._last_heartbeat < HEARTBEAT_SECONDS:
            return
        balance_wei = await self._chain.balance(self._signer.address)
        if balance_wei < self._policy.low_balance_wei:
            self._alarms.add("the balance is below RELAYER_LOW_BALANCE_ETH: fund this key")
        alarm = "; ".join(sorted(self._alarms)) or None
        async with self._lease.writing() as writing:
            await record.lane_seen(writing, balance_wei=balance_wei, alarm=alarm, halted=halted)
        if halted != self._last_halted or self._alarms != self._last_alarms:
            self._log.warning("lane_alarm", alarm=alarm, halted=halted, balance_wei=balance_wei)
        self._last_halted, self._last_alarms, self._alarms = halted, self._alarms, set()
        self._last_heartbeat = time.monotonic()

    async def _delay(self) -> float:
        outstanding = await journal.outstanding(self._lease, self._key_names)
        if outstanding.queued or outstanding.in_flight:
            return self._policy.poll_seconds
        return SETTLING_SECONDS if outstanding.settling else IDLE_SECONDS


def _is_over(request: Request, found: Verdict) -> bool:
    """Whether it has said so for long enough."""
    if not isinstance(found, WouldRevert) or request.doubted_seconds is None:
        return False
    return request.doubted_seconds >= _patience(found.revert)


def _patience(why: Revert) -> float:
    """For how long a revert must go on before it is a refusal, in seconds."""
    is_too_early = why.code == "RotationNotReady" or "not yet valid" in why.detail.get("reason", "")
    return TOO_EARLY_PATIENCE_SECONDS if is_too_early else REFUSED_AFTER_SECONDS
