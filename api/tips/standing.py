"""What became of a submitted authorization: the ledger decides; the outbox only says why nothing came of it."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from api.errors import Problem
from api.tips import errors, queries, rules, schemas
from api.tips.submissions import Submitted
from ledger import balances
from ledger.balances import Tip
from ledger.deployment import Deployment
from relayer import outbox
from relayer.outbox import Outgoing

_REFUSED_STATES = {"refused", "mined_reverted", "mined_ok"}
"""When settled without our tip. `mined_ok` too: `tipX402` splits what lies in the vault even if it could not pull."""


@dataclass(frozen=True)
class Standing:
    """How a submission stands. `tip` when settled, `refusal` when refused."""

    status: rules.Standing
    tip: Tip | None
    refusal: schemas.Refusal | None
    tx_hash: bytes | None


async def of(session: AsyncSession, deployment: Deployment, submitted: Submitted) -> Standing:
    is_paid, tip = await queries.paid_by(
        session,
        deployment,
        payer=submitted.payer,
        nonce=submitted.nonce,
        to=submitted.recipient,
        amount=submitted.amount,
    )
    sent = await outbox.status(session, submitted.outbox_id)
    head = await balances.head(session, deployment.chain_id)
    ledger_time = head.timestamp if head else datetime.fromtimestamp(0, UTC)
    status = rules.standing(
        is_paid=is_paid,
        is_split=tip is not None,
        refused_at=sent.updated_at if sent and sent.settled and sent.state in _REFUSED_STATES else None,
        expired=ledger_time.timestamp() >= submitted.valid_before,
        ledger_time=ledger_time,
    )
    return Standing(
        status=status,
        tip=tip,
        refusal=_refusal(sent) if status == "refused" else None,
        tx_hash=tip.tx_hash if tip else sent.tx_hash if sent else None,
    )


def _refusal(sent: Outgoing | None) -> schemas.Refusal:
    reason = (sent.error_detail or {}).get("reason", "") if sent else ""
    kind = _kind(sent.error_code if sent else None, reason)
    said = f"The chain refused it: {reason or (sent.error_code if sent else '')}." if sent and sent.error_code else None
    return schemas.Refusal(code=kind.code, detail=said or kind.title(), hint=kind.hint or "")


def _kind(error_code: str | None, reason: str) -> type[Problem]:
    by_reason = {
        "used or canceled": errors.AuthorizationUsed,
        "exceeds balance": errors.InsufficientBalance,
        "blacklisted": errors.PayerBlacklisted,
        "invalid signature": errors.InvalidSignature,
    }
    by_code = {
        "TipsPaused": errors.TipsPaused,
        "TipBelowMinimum": errors.TipBelowMinimum,
        None: errors.AuthorizationExpired,
    }
    for words, kind in by_reason.items():
        if words in reason:
            return kind
    if "expired" in reason:
        return errors.AuthorizationExpired
    return by_code.get(error_code, errors.RefusedByChain)
