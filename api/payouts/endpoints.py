"""Earnings, payouts and claims of the caller's own accounts: a human's, or an agent's."""

import asyncio
from datetime import datetime
from functools import partial
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query, Request, Response

from api import edge, etags, idempotency
from api.accounts import queries as accounts
from api.accounts.queries import PayoutAccount
from api.callers import CurrentAccount, require_scope
from api.db import Reading, Writing
from api.errors import ChainUnavailable, Forbidden, MissingScope, NotAuthenticated, problems
from api.idempotency import IdempotencyKeyMissing
from api.pages import InvalidCursor, Page, PageOf
from api.payouts import claims, earnings, forms, notices, queries, schemas, service, statements, views
from api.payouts.errors import (
    AccountNotFound,
    ClaimNotFound,
    MonthInFuture,
    NothingToClaim,
    PayoutsFrozen,
    StatementTooLong,
    TooManyTips,
    UnverifiedWallet,
    WalletBlacklisted,
)
from api.payouts.queries import GroupBy
from api.rate_limits import Limit, limited
from api.resources import Held
from api.tips import quotes
from api.tips.errors import LedgerNotReady
from api.wire import Instant
from ledger import ids

router = edge.router(tags=["payouts"])

STATEMENTS = Limit("statements", 60, 60)
"""Five years of them; a long one on paper takes a processor for seconds."""
_OWN = (NotAuthenticated, Forbidden)
_ONE = Query(description="only this one of your accounts; default: all of them")


@router.get("/payouts", operation_id="listPayouts", responses=problems(*_OWN, InvalidCursor, AccountNotFound))
async def list_payouts(
    *,
    session: Reading,
    resources: Held,
    caller: CurrentAccount,
    page: PageOf,
    account_id: Annotated[UUID | None, _ONE] = None,
) -> Page[schemas.Payout]:
    """What happened to your money, newest first: shares paid, held, claimed and swept, each with its finality."""
    own = await _own(session, caller, account_id)
    rows = await queries.movements(
        session, resources.chain_id, _ids(own), after=page.after(tuple[int, int, str]), limit=page.fetch
    )
    shown = await views.of_movements(session, rows)
    by_key = {row.key: payout for row, payout in zip(rows, shown, strict=True)}
    return page.of(rows, key=lambda row: row.key, show=lambda row: by_key[row.key])


@router.get(
    "/payouts/unclaimed",
    operation_id="listUnclaimed",
    responses=problems(*_OWN, AccountNotFound, LedgerNotReady),
)
async def list_unclaimed(
    session: Reading, resources: Held, caller: CurrentAccount, account_id: Annotated[UUID | None, _ONE] = None
) -> schemas.UnclaimedList:
    """What is held for you: how much, why, until when, and what to do. Times are the chain's."""
    own = await _own(session, caller, account_id)
    head = await quotes.demand_head(session, resources.chain_id)
    return await views.unclaimed(session, resources.chain_id, own, head.timestamp)


@router.get("/payouts/notices", operation_id="listNotices", responses=problems(*_OWN, InvalidCursor, AccountNotFound))
async def list_notices(
    *,
    session: Reading,
    resources: Held,
    caller: CurrentAccount,
    page: PageOf,
    account_id: Annotated[UUID | None, _ONE] = None,
) -> Page[schemas.Notice]:
    """What you were told about held shares (also by `share.notice` events and webhooks), newest first."""
    own = [each.id for each in await _own(session, caller, account_id)]
    after = page.after(tuple[datetime, UUID, datetime, int])
    rows = await notices.notices(session, resources.chain_id, own, after=after, limit=page.fetch)
    return page.of(rows, key=notices.place, show=lambda row: row)


@router.post(
    "/payouts/claim",
    operation_id="claimPayouts",
    status_code=202,
    dependencies=[require_scope("payouts:write"), idempotency.required()],
    responses=problems(
        *_OWN,
        MissingScope,
        IdempotencyKeyMissing,
        AccountNotFound,
        NothingToClaim,
        UnverifiedWallet,
        WalletBlacklisted,
        LedgerNotReady,
        PayoutsFrozen,
        ChainUnavailable,
    ),
)
async def claim(
    session: Writing, resources: Held, caller: CurrentAccount, wanted: schemas.ClaimRequest, response: Response
) -> schemas.Claims:
    """Claims what is held, to the wallets registered on-chain; we pay the gas. 202: ask `GET /payouts/claims/{id}`."""
    found = await service.claim(session, resources, caller, wanted.account_id)
    response.headers["Location"] = f"/api/v1/payouts/claims/{found[0].id}"
    return schemas.Claims(data=[views.of_claim(each) for each in found])


@router.get("/payouts/claims", operation_id="listClaims", responses=problems(*_OWN, InvalidCursor))
async def list_claims(session: Reading, resources: Held, caller: CurrentAccount, page: PageOf) -> Page[schemas.Claim]:
    """The claims that we sent for your accounts, newest first."""
    own = await _own(session, caller, None)
    after = page.after(tuple[datetime, UUID])
    rows = await claims.claims(session, resources.chain_id, [each.id for each in own], after=after, limit=page.fetch)
    return page.of(rows, key=lambda row: (row.created_at, row.id), show=views.of_claim)


@router.get("/payouts/claims/{claim_id}", operation_id="getClaim", responses=problems(*_OWN, ClaimNotFound))
async def get_claim(session: Reading, caller: CurrentAccount, claim_id: UUID) -> schemas.Claim:
    """What became of a claim."""
    found = await claims.claim(session, claim_id)
    if found is None or found.account_id not in {each.id for each in await _own(session, caller, None)}:
        raise ClaimNotFound
    return views.of_claim(found)


@router.get(
    "/earnings",
    operation_id="getEarnings",
    response_model=schemas.Earnings,
    responses={
        200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "JSON, or the same rows as CSV"},
        **problems(*_OWN, AccountNotFound, InvalidCursor, TooManyTips),
    },
)
async def get_earnings(
    *,
    request: Request,
    response: Response,
    session: Reading,
    resources: Held,
    caller: CurrentAccount,
    page: PageOf,
    group_by: Annotated[GroupBy, Query(description="what a line is")] = "day",
    since: Annotated[Instant | None, Query(description="tipped at or after")] = None,
    until: Annotated[Instant | None, Query(description="tipped before")] = None,
    account_id: Annotated[UUID | None, _ONE] = None,
    form: Annotated[
        Literal["json", "csv"] | None, Query(alias="format", description="or ask by Accept: text/csv")
    ] = None,
) -> schemas.Earnings | Response:
    """What you earned, by day, series, episode, role, rail or payer; final and pending figures apart.

    Payers come page by page, in CSV too (`Link`); the other groups are all there at once.
    """
    own = await _own(session, caller, account_id)
    shown = await earnings.of(
        session, resources.chain_id, _ids(own), group_by=group_by, since=since, until=until, page=page
    )
    response.headers["Vary"] = "Accept"
    if forms.wanted(request, form, {"json", "csv"}) == "csv":
        return forms.as_file(views.as_csv(shown.data, schemas.Earning).encode(), "csv", headers=dict(response.headers))
    return shown


@router.get(
    "/earnings/statement",
    operation_id="getStatement",
    response_model=schemas.Statement,
    dependencies=[limited(STATEMENTS)],
    responses={
        200: {
            "content": {
                "text/csv": {"schema": {"type": "string"}},
                "application/pdf": {"schema": {"type": "string", "format": "binary"}},
            },
            "description": "JSON, the same lines as CSV, or a PDF to hand on",
        },
        **problems(*_OWN, AccountNotFound, LedgerNotReady, MonthInFuture, StatementTooLong),
    },
)
async def get_statement(
    *,
    request: Request,
    session: Reading,
    resources: Held,
    caller: CurrentAccount,
    month: Annotated[
        str,
        Query(pattern=r"^[1-9]\d{3}-(0[1-9]|1[0-2])$", description="UTC, by the chain's time", examples=["2026-11"]),
    ],
    account_id: Annotated[UUID | None, _ONE] = None,
    form: Annotated[
        forms.Form | None, Query(alias="format", description="or ask by Accept: text/csv, application/pdf")
    ] = None,
) -> Response:
    """A month's statement: what was held before, every movement, the sums, what is held after.

    `status` says whether anything in it can still change.
    """
    own = await _own(session, caller, account_id)
    shown = await statements.of(session, resources.deployment, own, month)
    wanted = forms.wanted(request, form, {"json", "csv", "pdf"})
    request.state.then = partial(_statement, request, shown, wanted)
    return Response()


async def _statement(request: Request, shown: schemas.Statement, form: forms.Form) -> Response:
    """Written by a thread, with no connection held: thousands of lines take a while."""
    content = await asyncio.to_thread(statements.written, shown, form)
    name = f"molt-statement-{shown.month}{'' if shown.status == 'final' else '-preliminary'}.{form}"
    return etags.conditional(request, forms.as_file(content, form, name=name if form != "json" else None))


@router.get("/wallet", operation_id="getWalletSummary", responses=problems(*_OWN))
async def get_wallet(session: Reading, resources: Held, caller: CurrentAccount) -> schemas.WalletSummary:
    """Your payout accounts: where each is paid, and what it earned, received and can still claim."""
    return await views.wallet_summary(session, resources.chain_id, await _own(session, caller, None))


async def _own(session: Reading, caller: CurrentAccount, account_id: UUID | None) -> list[PayoutAccount]:
    """Raises AccountNotFound for anybody else's."""
    own = await accounts.payout_accounts(session, caller)
    if account_id is None:
        return own
    chosen = [each for each in own if each.id == account_id]
    if not chosen:
        raise AccountNotFound
    return chosen


def _ids(own: list[PayoutAccount]) -> list[bytes]:
    return [ids.account_id(each.id) for each in own]
