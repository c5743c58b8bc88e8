"""A quote: who would receive what, what stands in the way, and each rail ready to send or to sign. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from api.production.queries import Episode
from api.tips import rails, rules, schemas
from api.tips.rails import Authorization, GaslessRail, Rail, TypedData
from api.wire import address_text, hex_text
from ledger import money
from ledger.deployment import Deployment
from ledger.money import MicroUsdc, format_usdc

_TIP_WITH_PERMIT = "tipWithPermit(bytes32,bytes32,uint256,bytes32,uint256,bytes)"


@dataclass(frozen=True)
class Recipient:
    """Who receives a share, as the chain stands now. `wallet` is None without an active one."""

    role: schemas.Role
    account_id: UUID | None
    wallet: bytes | None
    blacklisted: bool = False


@dataclass(frozen=True)
class Payer:
    """A payer, as USDC stands now."""

    address: bytes
    balance: MicroUsdc
    allowance: int
    """To the splitter; may be above any amount that exists."""
    permit_nonce: int
    blacklisted: bool


@dataclass(frozen=True)
class Request:
    """All that a quote depends on. `salt` and `nonce` are random, so that two tips of the same terms are two."""

    episode: Episode
    amount: MicroUsdc
    minimum: MicroUsdc
    recipients: Sequence[Recipient]
    payer: Payer | None
    paused: bool
    now: datetime
    salt: bytes
    nonce: bytes


def quote(deployment: Deployment, request: Request) -> schemas.TipQuote:
    episode, terms = request.episode, request.episode.terms
    return schemas.TipQuote(
        episode_id=episode.id,
        series_id=episode.series_id,
        chain_id=deployment.chain_id,
        usdc=deployment.usdc_bytes,
        splitter=deployment.splitter_bytes,
        vault=episode.vault,
        creator_id=terms.creator_id,
        agent_id=terms.agent_id,
        ref=terms.ref,
        amount_micro_usdc=request.amount,
        minimum_micro_usdc=request.minimum,
        suggested_micro_usdc=max(rules.SUGGESTED_TIP, request.minimum),
        valid_before=rules.proposed_deadline(request.now),
        shares=shares(request.amount, request.recipients),
        payer=request.payer.address if request.payer else None,
        problems=problems(request.amount, payer=request.payer, paused=request.paused),
        rails=_rails(deployment, request),
    )


def shares(amount: MicroUsdc, recipients: Sequence[Recipient]) -> list[schemas.QuotedShare]:
    split = money.split(amount)._asdict()
    return [_share(recipient, split[recipient.role]) for recipient in recipients]


def problems(
    amount: MicroUsdc, *, payer: Payer | None, paused: bool, rail: Rail | None = None
) -> list[schemas.TipProblem]:
    """What would make the tip fail, by `rail` or (None) by any of them. Without a payer: what concerns everybody."""
    found = []
    if paused and rail != "transfer":
        found.append(
            schemas.TipProblem(
                code="TIPS_PAUSED",
                rail=None,
                detail="Tips are paused on the splitter.",
                hint="Try later. A plain transfer to the vault is kept there and split all the same.",
            )
        )
    if payer is None:
        return found
    if payer.blacklisted:
        detail = f"USDC refuses every payment by {address_text(payer.address)}."
        found.append(
            schemas.TipProblem(code="PAYER_BLACKLISTED", rail=None, detail=detail, hint="Pay from another wallet.")
        )
    if payer.balance < amount:
        detail = f"The payer has {format_usdc(payer.balance)} USDC, and the tip is {format_usdc(amount)}."
        hint = "Get USDC on this chain first, or tip less."
        found.append(schemas.TipProblem(code="INSUFFICIENT_BALANCE", rail=None, detail=detail, hint=hint))
    if payer.allowance < amount and rail in {None, "approve"}:
        detail = f"The splitter may take {payer.allowance} micro-USDC of the payer's, and the tip is {amount}."
        hint = "Send the quote's first call (approve), then the second; or take a rail that needs no allowance."
        found.append(schemas.TipProblem(code="INSUFFICIENT_ALLOWANCE", rail="approve", detail=detail, hint=hint))
    return found


_HELD_NOTES: dict[schemas.HeldReason, str] = {
    "no_wallet": "No verified wallet yet: held for 30 days, paid out when one is registered.",
    "blacklisted": "USDC refuses this wallet: held for 30 days, claimable once another wallet is registered.",
}


def _share(recipient: Recipient, amount: MicroUsdc) -> schemas.QuotedShare:
    reason: schemas.HeldReason | None = None
    if recipient.wallet is None:
        reason = "no_wallet"
    elif recipient.blacklisted:
        reason = "blacklisted"
    if amount == 0:
        reason = None
    return schemas.QuotedShare(
        role=recipient.role,
        account_id=recipient.account_id,
        amount_micro_usdc=amount,
        wallet=recipient.wallet,
        held=reason is not None,
        held_reason=reason,
        note=_HELD_NOTES[reason] if reason else None,
    )


def _rails(deployment: Deployment, request: Request) -> schemas.Rails:
    usdc, splitter = deployment.usdc_bytes, deployment.splitter_bytes
    amount, vault = request.amount, request.episode.vault
    return schemas.Rails(
        approve=schemas.ApproveRail(
            calls=[
                schemas.Call(
                    to=usdc, data=rails.approve(splitter, amount), does=f"USDC.approve({deployment.splitter}, {amount})"
                ),
                schemas.Call(
                    to=splitter,
                    data=rails.tip(request.episode.terms, amount),
                    does=f"TipSplitter.tip(creator, agent, {amount}, ref)",
                ),
            ]
        ),
        permit=_permit(deployment, request),
        authorization=_authorization(deployment, request),
        x402=_x402(deployment, request),
        transfer=schemas.TransferRail(
            vault=vault,
            calls=[
                schemas.Call(
                    to=usdc, data=rails.transfer(vault, amount), does=f"USDC.transfer({address_text(vault)}, {amount})"
                )
            ],
        ),
    )


def _permit(deployment: Deployment, request: Request) -> schemas.PermitRail:
    deadline, terms, payer = rules.proposed_deadline(request.now), request.episode.terms, request.payer
    typed = payer and rails.permit(
        deployment, owner=payer.address, amount=request.amount, nonce=payer.permit_nonce, deadline=deadline
    )
    arguments = {
        "creatorId": hex_text(terms.creator_id),
        "agentId": hex_text(terms.agent_id),
        "amount": str(request.amount),
        "ref": hex_text(terms.ref),
        "deadline": str(deadline),
        "signature": None,
    }
    return schemas.PermitRail(
        typed_data=typed, to=deployment.splitter_bytes, function=_TIP_WITH_PERMIT, arguments=arguments
    )


def _authorization(deployment: Deployment, request: Request) -> schemas.GaslessQuote:
    if request.payer is None:
        return schemas.GaslessQuote(typed_data=None, submit=None)
    signed = _to_sign(
        request, request.payer, to=deployment.splitter_bytes, nonce=request.episode.terms.nonce(request.salt)
    )
    typed = rails.authorization(deployment, "authorization", signed)
    return _gasless(request, "authorization", signed, typed, salt=request.salt)


def _x402(deployment: Deployment, request: Request) -> schemas.GaslessQuote:
    if request.payer is None:
        return schemas.GaslessQuote(typed_data=None, submit=None)
    signed = _to_sign(request, request.payer, to=request.episode.vault, nonce=request.nonce)
    return _gasless(request, "x402", signed, rails.authorization(deployment, "x402", signed), salt=None)


def _to_sign(request: Request, payer: Payer, *, to: bytes, nonce: bytes) -> Authorization:
    return Authorization(
        payer=payer.address,
        to=to,
        amount=request.amount,
        valid_after=0,
        valid_before=rules.proposed_deadline(request.now),
        nonce=nonce,
    )


def _gasless(
    request: Request, rail: GaslessRail, signed: Authorization, typed: TypedData, *, salt: bytes | None
) -> schemas.GaslessQuote:
    body = {
        "rail": rail,
        "episode_id": str(request.episode.id),
        "chain_id": typed["domain"]["chainId"],
        "from": address_text(signed.payer),
        "to": address_text(signed.to),
        "amount_micro_usdc": str(signed.amount),
        "valid_after": str(signed.valid_after),
        "valid_before": str(signed.valid_before),
        "nonce": hex_text(signed.nonce),
        "creator_id": str(request.episode.creator_id),
        "agent_id": str(request.episode.agent_id),
    }
    if salt is not None:
        body["salt"] = hex_text(salt)
    return schemas.GaslessQuote(typed_data=typed, submit=schemas.Submission(body=body))
