"""What accounts earned, line by line and in all."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from api.pages import Page, Paging
from api.payouts import queries, rules, schemas, views
from api.payouts.errors import TooManyTips
from api.payouts.queries import GroupBy
from ledger import balances
from ledger.balances import EarnedBy


async def of(
    session: AsyncSession,
    chain_id: int,
    accounts: Sequence[bytes],
    *,
    group_by: GroupBy,
    since: datetime | None,
    until: datetime | None,
    page: Paging,
) -> schemas.Earnings:
    """`page` is of payers only: they may be many. Raises TooManyTips where tips would be summed one by one."""
    rolled_up = "role" if group_by == "rail" or group_by == "payer" else group_by  # noqa: PLR1714 - mypy narrows this
    found = await queries.earned(session, chain_id, accounts, group_by=rolled_up, since=since, until=until)
    total = views.total(found)
    lines = _one_page(found)
    if rolled_up != group_by and total.tips > rules.MOST_TIPS_ONE_BY_ONE:
        raise TooManyTips(f"{total.tips} tips; at most {rules.MOST_TIPS_ONE_BY_ONE} are summed by {group_by}.")
    if group_by == "rail":
        found = await balances.earned_by_rail(session, chain_id, accounts, since=since, until=until)
        lines = _one_page(found)
    if group_by == "payer":
        after = page.after(str)
        found = await balances.earned_by_payer(
            session, chain_id, accounts, since=since, until=until, after=after, limit=page.fetch
        )
        lines = page.of(found, key=lambda line: line.key, show=views.of_payer)
    return schemas.Earnings(
        group_by=group_by, since=since, until=until, data=lines.data, total=total, next_cursor=lines.next_cursor
    )


def _one_page(lines: Sequence[EarnedBy]) -> Page[schemas.Earning]:
    return Page(data=[views.earning(line) for line in lines], next_cursor=None)
