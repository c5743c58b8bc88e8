"""Getting signed transactions mined: the same bytes again, a higher fee for the same nonce, or a no-op instead."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from relayer import fees, journal, nonces, record
from relayer.chain import Answer, Chain, Unreachable, classified
from relayer.fees import FeeCaps, Fees
from relayer.journal import Attempt, Kind, Sent
from relayer.keys import Signed, Signer, Unsigned
from relayer.kms import KmsError
from relayer.lease import Lease
from relayer.reverts import Revert
from relayer.settlement import View
from relayer.simulation import LATEST, WouldRevert, verdict

log = structlog.get_logger()

RESEND_SECONDS = 10.0
"""Pools forget: bytes that are not mined are given to a node again after this."""
RETRY_SECONDS = 2.0
"""The same after a node refused them for now."""
REFUSED_ATTEMPTS = 3
"""So many versions in a row refused for a reason we do not know: no wording of ours may hold up the queue for ever."""
NO_OP_GAS = 21_000

CANNOT_SIGN = "the signing service does not sign for this key (signing_failed in the log): what needs signing waits"

_NOT_OUT = {Answer.FEE_TOO_LOW, Answer.NO_FUNDS, Answer.IMPOSSIBLE}
"""Answers by which this node does not have it. Any other leaves it possible."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient and how generous the relayer is."""

    max_in_flight: int
    poll_seconds: float
    stuck_after_seconds: float
    caps: FeeCaps
    low_balance_wei: int


@dataclass(frozen=True, slots=True)
class Remedy:
    """A replacement at the same nonce."""

    kind: Kind
    why: Revert | None = None
    """For a no-op: why the request is given up."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One lane's means, for as long as it holds its lease."""

    chain: Chain
    lease: Lease
    signer: Signer
    policy: Policy
    offered_at: dict[bytes, float] = field(default_factory=dict)
    """By hash, since when (monotonic) we have been giving it to nodes. Not kept across a crash: what a former process
    sent is given out anew, with the same patience, before it counts as stuck."""
    alarms: set[str] = field(default_factory=set)
    """What the last push could not do."""

    async def push(self, view: View, sent: Sequence[Sent], quoted: Fees | None) -> None:
        """Looks after everything that is signed and not mined. `quoted`: today's fees, None above the cap."""
        self.alarms.clear()
        waiting = [item for item in sent if not item.is_mined and item.nonce >= view.nonce]
        chosen = [await self._replaced(view, item, quoted) or item.current for item in waiting]
        chosen += await self._gap_fillers(view, waiting, quoted)
        await self.broadcast([attempt for attempt in chosen if self._is_due(attempt)])

    def is_held_up(self, view: View, sent: Sequence[Sent]) -> bool:
        """Whether the key's queue waits for a transaction that is late: what is signed now would wait behind it."""
        first = next((item for item in sent if not item.is_mined and item.nonce >= view.nonce), None)
        if first is None:
            return False
        was_replaced, was_refused = len(first.attempts) > 1, first.current.answer is not None
        is_cheap = not fees.can_be_mined(first.current.fees, view.head.base_fee_wei)
        return was_replaced or was_refused or is_cheap or self._is_stuck(first.current)

    async def broadcast(self, attempts: Sequence[Attempt]) -> None:
        """Gives the bytes to a node, in the order of nonces, and writes down what it said.

        Raises Unreachable when no node answered: then those not answered count as out.
        """
        answers: list[tuple[Attempt, Answer, str | None]] = []
        trouble: Unreachable | None = None
        for attempt in sorted(attempts, key=lambda attempt: attempt.nonce):
            self._note_offer(attempt)
            try:
                answers.append((attempt, *await self.chain.send(attempt.raw)))
            except Unreachable as error:
                trouble = error
                answers.append((attempt, Answer.LATER, None))
                break
        if answers:
            async with self.lease.writing() as writing:
                for attempt, answer, words in answers:
                    refusal = None if answer is Answer.TAKEN else words
                    await record.offered(writing, attempt, refusal, may_be_out=answer not in _NOT_OUT)
        for attempt, answer, words in answers:
            _tell(attempt, answer, words)
        if trouble is not None:
            raise trouble

    async def sign(self, unsigned: Unsigned) -> Signed | None:
        """None, and an alarm, while the signing service does not sign: what nobody has can wait."""
        try:
            return await self.signer.sign(unsigned)
        except KmsError as error:
            self.alarms.add(CANNOT_SIGN)
            log.warning(
                "signing_failed", address="0x" + self.signer.address.hex(), nonce=unsigned.nonce, reason=str(error)
            )
            return None

    async def _replaced(self, view: View, sent: Sent, quoted: Fees | None) -> Attempt | None:
        """A written replacement when this one needs it and the caps allow it."""
        remedy = await self._remedy(view, sent)
        if remedy is None:
            return None
        offered = quoted and fees.outbid(sent.costliest.fees, quoted, self.policy.caps)
        if offered is None:
            self.alarms.add(
                "a stuck transaction cannot be replaced within RELAYER_MAX_FEE_GWEI and _MAX_PRIORITY_FEE_GWEI"
            )
            return None
        unsigned = self._no_op(sent.nonce, offered) if remedy.kind == "no_op" else self._same(sent, offered)
        signed = await self.sign(unsigned)
        if signed is None:
            return None
        async with self.lease.writing() as writing:
            await record.replaced(writing, sent, remedy.kind, signed, why=remedy.why)
        log.warning(
            "transaction_replaced",
            outbox_id=str(sent.request.id),
            nonce=sent.nonce,
            kind=remedy.kind,
            max_fee_wei=offered.max_fee_wei,
            error_code=remedy.why.code if remedy.why else None,
        )
        return Attempt.of(remedy.kind, signed)

    async def _remedy(self, view: View, sent: Sent) -> Remedy | None:
        """What the current attempt needs besides being sent again."""
        current = sent.current
        answer = classified(current.answer) if current.answer else Answer.TAKEN
        if current.kind == "no_op":
            needs_more = self._is_stuck(current) or answer is Answer.FEE_TOO_LOW
            return Remedy("no_op", sent.why) if needs_more else None
        if answer is Answer.FEE_TOO_LOW:
            return Remedy("request")
        if answer is Answer.IMPOSSIBLE:
            return Remedy("no_op", Revert("Unmineable", {"reason": current.answer or ""}))
        return await self._remedy_of_stuck(view, sent, answer) if self._is_stuck(current) else None

    async def _remedy_of_stuck(self, view: View, sent: Sent, answer: Answer) -> Remedy | None:
        if answer is Answer.NO_FUNDS:
            reason = Revert("InsufficientFunds", {"reason": sent.current.answer or ""})
            return Remedy("no_op", reason) if await self._can_afford_no_op(sent) else None
        if answer is Answer.LATER and len(sent.attempts) >= REFUSED_ATTEMPTS:
            return Remedy("no_op", Revert("Unmineable", {"reason": sent.current.answer or ""}))
        if sent.nonce == view.nonce:
            # the first in line runs on exactly the latest state, so there we know whether it still makes sense
            found = await verdict(self.chain, sent.request.call(self.signer.address), LATEST)
            return Remedy("no_op", found.revert) if isinstance(found, WouldRevert) else Remedy("request")
        return None if fees.can_be_mined(sent.current.fees, view.head.base_fee_wei) else Remedy("request")

    async def _can_afford_no_op(self, sent: Sent) -> bool:
        return await self.chain.balance(self.signer.address) >= 2 * NO_OP_GAS * sent.costliest.fees.max_fee_wei

    async def _gap_fillers(self, view: View, waiting: Sequence[Sent], quoted: Fees | None) -> list[Attempt]:
        """No-ops for nonces that we never gave out and that something waits behind."""
        behind = [item for item in waiting if item.nonce > view.nonce]
        if not behind or not self._is_stuck(behind[0].current):
            return []
        ours = await journal.nonces_from(self.lease, view.nonce)
        gaps = nonces.missing(chain_nonce=view.nonce, waiting=[item.nonce for item in waiting], ours=ours)
        earlier = await journal.fillers(self.lease, gaps)
        found = [await self._filler(nonce, earlier[nonce], quoted) for nonce in gaps]
        return [attempt for attempt in found if attempt is not None]

    async def _filler(self, nonce: int, earlier: Sequence[Attempt], quoted: Fees | None) -> Attempt | None:
        last = earlier[-1] if earlier else None
        if last is not None and not self._is_stuck(last):
            return last
        offered = quoted if last is None or quoted is None else fees.outbid(last.fees, quoted, self.policy.caps)
        if offered is None:
            return last
        signed = await self.sign(self._no_op(nonce, offered))
        if signed is None:
            return last
        async with self.lease.writing() as writing:
            await record.gap_filled(writing, signed)
        log.warning("nonce_gap_filled", nonce=nonce)
        return Attempt.of("no_op", signed)

    def _note_offer(self, attempt: Attempt) -> None:
        if attempt.sent_seconds_ago is None:
            self.offered_at[attempt.tx_hash] = time.monotonic()
        self.offered_at.setdefault(attempt.tx_hash, time.monotonic())

    def _is_stuck(self, attempt: Attempt) -> bool:
        offered_at = self.offered_at.get(attempt.tx_hash)
        if offered_at is None or attempt.sent_seconds_ago is None:
            return False
        return time.monotonic() - offered_at > self.policy.stuck_after_seconds

    def _is_due(self, attempt: Attempt) -> bool:
        if attempt.sent_seconds_ago is None or attempt.tx_hash not in self.offered_at:
            return True
        return attempt.sent_seconds_ago > (RESEND_SECONDS if attempt.answer is None else RETRY_SECONDS)

    def _same(self, sent: Sent, offered: Fees) -> Unsigned:
        request = sent.request
        return Unsigned(
            chain_id=self.lease.chain_id,
            nonce=sent.nonce,
            to=request.to,
            data=request.data,
            value_wei=request.value_wei,
            gas_limit=sent.current.gas_limit,
            fees=offered,
        )

    def _no_op(self, nonce: int, offered: Fees) -> Unsigned:
        return Unsigned(
            chain_id=self.lease.chain_id,
            nonce=nonce,
            to=self.signer.address,
            data=b"",
            value_wei=0,
            gas_limit=NO_OP_GAS,
            fees=offered,
        )


def _tell(attempt: Attempt, answer: Answer, words: str | None) -> None:
    told = log.bind(nonce=attempt.nonce, tx_hash=attempt.tx_hash.hex())
    if answer is Answer.TAKEN:
        told.debug("transaction_broadcast")
    else:
        told.warning(
            "broadcast_unanswered" if words is None else "broadcast_refused", answer=answer.value, node_said=words
        )
