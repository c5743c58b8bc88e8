"""Tips over HTTP. Anyone may ask and pay: what proves a payer is the payer's own signature or transaction."""

import re
from typing import Annotated
from uuid import UUID

from fastapi import Path, Query, Response

from api import edge, idempotency
from api.callers import MaybeCaller
from api.db import Reading, Writing
from api.errors import ChainUnavailable, problems
from api.idempotency import IdempotencyKeyMissing
from api.pages import InvalidCursor, Page, PageOf
from api.production.errors import EpisodeNotFound
from api.resources import Held
from api.tips import errors, kinds, queries, quotes, schemas, service, submissions, views
from api.wallets.errors import WrongChain
from api.wire import Address, Bytes32
from ledger import balances, ids

router = edge.router(tags=["tips"])

_LOG_ID = re.compile(r"^0x([0-9a-fA-F]{64})-(\d{1,9})$")
_ALWAYS = (EpisodeNotFound, errors.TipBelowMinimum, errors.LedgerNotReady, ChainUnavailable)
_IN_THE_WAY = tuple(errors.IN_THE_WAY.values())


@router.get("/episodes/{episode_id}/tip-quote", operation_id="quoteTip", responses=problems(*_ALWAYS))
async def quote_tip(
    session: Reading,
    resources: Held,
    episode_id: UUID,
    amount: schemas.AskedAmount = None,
    payer: Annotated[Address | None, Query(description="a wallet: adds what it must sign, and what would fail")] = None,
) -> schemas.TipQuote:
    """Who would receive what, what would be held and why, and each of the five rails ready to send or to sign."""
    return await quotes.quoted(session, resources, episode_id=episode_id, amount=amount, payer=payer)


@router.post("/tips/check", operation_id="checkTip", responses=problems(*_ALWAYS, WrongChain, *_IN_THE_WAY))
async def check_tip(session: Writing, resources: Held, asked: schemas.TipCheck) -> schemas.Checked:
    """Whether a tip that you are about to send would go through, as of now. Changes nothing."""
    await quotes.check(session, resources, asked)
    return schemas.Checked()


@router.post(
    "/tips/authorizations",
    operation_id="submitTipAuthorization",
    status_code=202,
    dependencies=[idempotency.required()],
    responses=problems(
        *_ALWAYS,
        *_IN_THE_WAY,
        IdempotencyKeyMissing,
        WrongChain,
        *errors.VOID,
        errors.RelayerBusy,
        errors.GaslessLimitReached,
    ),
)
async def submit_authorization(
    *,
    session: Writing,
    resources: Held,
    caller: MaybeCaller,
    given: schemas.SubmittedAuthorization,
    response: Response,
) -> schemas.Tip:
    """Gasless: we send what the payer signed, and pay the gas. 202: ask `Location` what became of it.

    While the outcome is unknown it stays `pending`: never sign another one for the same tip until this one is settled,
    refused or expired.
    """
    payable = kinds.for_episode(await quotes.demand_episode(session, given.episode_id))
    submitted = await service.submit(session, resources, caller, payable, given)
    response.headers["Location"] = f"/api/v1/tips/{submitted.id}"
    return await views.of_submitted(session, resources.deployment, submitted)


@router.get("/tips", operation_id="listTips", responses=problems(InvalidCursor))
async def list_tips(
    *,
    session: Reading,
    resources: Held,
    page: PageOf,
    episode: Annotated[UUID | None, Query(description="only for this episode")] = None,
    payer: Annotated[Address | None, Query(description="only by this wallet, its plain transfers included")] = None,
    account: Annotated[UUID | None, Query(description="only those whose creator or agent is this account")] = None,
    tx_hash: Annotated[Bytes32 | None, Query(description="only of this transaction")] = None,
) -> Page[schemas.Tip]:
    """Tips as the chain has them, newest first: public facts. How final each is, `settlement.finality` says."""
    rows = await queries.tips(
        session,
        resources.chain_id,
        ref=ids.ref_id(episode) if episode else None,
        account_id=ids.account_id(account) if account else None,
        payer=payer,
        tx_hash=tx_hash,
        after=page.after(tuple[int, int]),
        limit=page.fetch,
    )
    shown = await views.of_tips(session, resources.chain_id, rows)
    by_id = {views.id_of(row): tip for row, tip in zip(rows, shown, strict=True)}
    return page.of(rows, key=lambda row: (row.block_number, row.log_index), show=lambda row: by_id[views.id_of(row)])


@router.get("/tips/{tip_id}", operation_id="getTip", responses=problems(errors.TipNotFound))
async def get_tip(
    session: Reading,
    resources: Held,
    tip_id: Annotated[str, Path(max_length=80, description="`<tx_hash>-<log_index>`, or the id of a submission")],
) -> schemas.Tip:
    """One tip, by its place on the chain or by the id under which its authorization was submitted."""
    if on_chain := _LOG_ID.match(tip_id):
        tx_hash, log_index = bytes.fromhex(on_chain[1]), int(on_chain[2])
        tip = await balances.tip_by_log(session, resources.chain_id, tx_hash, log_index)
        if tip is None:
            raise errors.TipNotFound
        return (await views.of_tips(session, resources.chain_id, [tip]))[0]
    submitted = await submissions.submission(session, _uuid(tip_id))
    if submitted is None:
        raise errors.TipNotFound
    return await views.of_submitted(session, resources.deployment, submitted)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise errors.TipNotFound("A tip's id is a UUID, or `<tx_hash>-<log_index>`.") from error
