"""A month's statement: what was held before, every movement in the order of the chain, what is held after.

Months are UTC, by the chain's time. `of` reads it; `statement_pdf` draws it.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncSession

from api.accounts.queries import PayoutAccount
from api.payouts import rules, schemas, statement_queries, views
from api.payouts.errors import MonthInFuture, StatementTooLong
from api.payouts.forms import Form
from api.payouts.queries import Kind
from api.payouts.statement_queries import Entry
from api.production import queries as production
from api.production.queries import Titles
from api.tips import quotes
from ledger import balances, ids
from ledger.balances import Head
from ledger.deployment import Deployment
from ledger.money import MicroUsdc


async def of(
    session: AsyncSession, deployment: Deployment, accounts: Sequence[PayoutAccount], month: str
) -> schemas.Statement:
    """Raises MonthInFuture, StatementTooLong and LedgerNotReady."""
    chain_id, refs = deployment.chain_id, [ids.account_id(each.id) for each in accounts]
    head = await quotes.demand_head(session, chain_id)
    since, until = _span(month, head)
    blocks = await balances.blocks_between(session, chain_id, since, until)
    entries = await statement_queries.entries(session, chain_id, refs, blocks, limit=rules.MOST_ENTRIES + 1)
    if len(entries) > rules.MOST_ENTRIES:
        raise StatementTooLong(f"More than {rules.MOST_ENTRIES} movements in {month}.")
    opening = await statement_queries.held_before(session, chain_id, refs, since, blocks[0])
    titles = await production.titles_by_ref(session, list({each.ref for each in entries if each.ref is not None}))
    not_final = MicroUsdc(sum(each.amount_micro_usdc for each in entries if each.finality != "finalized"))
    status, detail = rules.standing_of_month(
        until, now=head.timestamp, final_until=await balances.final_time(session, chain_id), not_final=not_final
    )
    shown = [_account(each, opening[ref], entries) for each, ref in zip(accounts, refs, strict=True)]
    total = _total(shown)
    return schemas.Statement(
        month=month,
        since=since,
        until=until,
        status=status,
        status_detail=detail,
        not_final_micro_usdc=not_final,
        as_of=None if status == "final" else head.timestamp,
        chain_id=chain_id,
        contract=deployment.splitter_bytes,
        usdc=deployment.usdc_bytes,
        accounts=shown,
        total=total,
        data=[
            _balance("opening", since, total.opening_held_micro_usdc, detail),
            *(_line(each, titles) for each in entries),
            _balance("closing", min(until, head.timestamp), total.closing_held_micro_usdc, detail),
        ],
    )


def written(statement: schemas.Statement, form: Form) -> bytes:
    """The same statement makes the same bytes, in each form."""
    if form == "pdf":
        from api.payouts import statement_pdf  # noqa: PLC0415 - takes half a second, which no start should wait for

        return statement_pdf.drawn(statement)
    if form == "csv":
        return views.as_csv(statement.data, schemas.StatementLine).encode()
    return statement.model_dump_json().encode()


def _span(month: str, head: Head) -> tuple[datetime, datetime]:
    since = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    if since > head.timestamp:
        raise MonthInFuture(f"{month} has not begun: by the chain's time it is {head.timestamp:%Y-%m-%d %H:%M} UTC.")
    return since, rules.next_month(since)


def _account(account: PayoutAccount, opening: MicroUsdc, entries: Sequence[Entry]) -> schemas.StatementAccount:
    ref = ids.account_id(account.id)
    sums: dict[Kind, int] = {"share": 0, "held": 0, "claim": 0, "sweep": 0}
    for entry in entries:
        if entry.account_id == ref:
            sums[entry.kind] += entry.amount_micro_usdc
    return schemas.StatementAccount(
        account_id=account.id,
        role=account.role,
        agent_name=account.agent_name,
        opening_held_micro_usdc=opening,
        earned_micro_usdc=MicroUsdc(sums["share"] + sums["held"]),
        paid_micro_usdc=MicroUsdc(sums["share"]),
        held_micro_usdc=MicroUsdc(sums["held"]),
        claimed_micro_usdc=MicroUsdc(sums["claim"]),
        swept_micro_usdc=MicroUsdc(sums["sweep"]),
        closing_held_micro_usdc=MicroUsdc(opening + sums["held"] - sums["claim"] - sums["sweep"]),
    )


def _total(accounts: Sequence[schemas.StatementAccount]) -> schemas.StatementTotals:
    names = schemas.StatementTotals.model_fields
    return schemas.StatementTotals(**{name: MicroUsdc(sum(getattr(each, name) for each in accounts)) for name in names})


def _balance(
    kind: Literal["opening", "closing"], time: datetime, amount: MicroUsdc, note: str
) -> schemas.StatementLine:
    return schemas.StatementLine(time=time, kind=kind, amount_micro_usdc=amount, note=note)


def _line(entry: Entry, titles: Mapping[bytes, Titles]) -> schemas.StatementLine:
    named = titles.get(entry.ref) if entry.ref is not None else None
    return schemas.StatementLine(
        time=entry.block_timestamp,
        kind=entry.kind,
        account_id=ids.uuid_of(entry.account_id),
        role=entry.role,
        series=named.series if named else None,
        episode=named.episode if named else None,
        episode_id=named.episode_id if named else None,
        tip_micro_usdc=entry.tip_micro_usdc,
        amount_micro_usdc=entry.amount_micro_usdc,
        wallet=entry.wallet,
        tx_hash=entry.tx_hash,
        log_index=entry.log_index,
        block_number=entry.block_number,
        finality=entry.finality,
    )
