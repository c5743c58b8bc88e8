"""A statement on paper: who was paid by whom, the sums, every movement with its transaction, how to verify it."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from itertools import chain
from uuid import UUID

from api.payouts import paper, schemas
from api.payouts.paper import GREY, WARNING, WIDTH, Block, Pen
from api.wire import address_text, hex_text
from ledger.money import MICRO_PER_USDC, MicroUsdc

CHAINS = {8453: "Base", 84532: "Base Sepolia"}
WHAT = {
    "opening": "Opening balance held",
    "share": "Share paid",
    "held": "Share held",
    "claim": "Claimed",
    "sweep": "Swept",
    "closing": "Closing balance held",
}
_SUMS = {
    "opening_held_micro_usdc": "opening held",
    "earned_micro_usdc": "earned",
    "paid_micro_usdc": "paid",
    "held_micro_usdc": "held",
    "claimed_micro_usdc": "claimed",
    "swept_micro_usdc": "swept",
    "closing_held_micro_usdc": "closing held",
}
_OF_BUCKETS = {"claim": ["what was held, to the wallet"], "sweep": ["what was held and expired, to the treasury"]}
_TITLE_SIZE = 7.5
_COLUMNS = {"for": 142.0, "tip": 392.0, "amount": 458.0, "held": WIDTH}
"""Where the title begins, and where the figures end."""
_TITLE_ROOM = _COLUMNS["tip"] - 66 - _COLUMNS["for"]


def drawn(statement: schemas.Statement) -> bytes:
    """The same statement is the same bytes."""
    names = {each.account_id: _name(each) for each in statement.accounts}
    blocks = chain(_head(statement), _sums(statement), _movements(statement, names), _verification(statement))
    return paper.printed(
        list(blocks),
        title=f"Molt Studios: statement {statement.month}",
        footer=f"Molt Studios · statement of {statement.month} (UTC) · {statement.status_detail}",
    )


def usdc(amount: MicroUsdc) -> str:
    """`1,234.560000`: all six decimals, so that nothing is rounded and columns line up."""
    return f"{Decimal(amount) / MICRO_PER_USDC:,.6f}"


# ------------------------------------------------------------------------------------------------------------ the top


def _head(statement: schemas.Statement) -> Iterator[Block]:
    def title(pen: Pen) -> None:
        pen.text(0, 12, "MOLT STUDIOS", 9, GREY, bold=True)
        pen.text(0, 40, "Statement of earnings", 20, bold=True)
        pen.text(0, 60, f"{statement.since:%B %Y}", 13)
        span = f"{statement.since:%Y-%m-%d %H:%M} to {statement.until:%Y-%m-%d %H:%M} UTC"
        pen.text(0, 74, f"{span}, by the time of the blockchain", 8, GREY)

    def standing(pen: Pen) -> None:
        pen.box(0, 22)
        final = statement.status == "final"
        pen.text(8, 14, _sentence(statement), 8.5, paper.INK if final else WARNING, bold=not final)

    yield Block(86, title)
    yield Block(34, standing)
    yield _facts(
        {
            "Paid by": "Molt Studios, out of the contract below, in the transaction of each tip",
            "Contract": address_text(statement.contract),
            "Blockchain": f"{CHAINS.get(statement.chain_id, 'EVM chain')}, chain id {statement.chain_id}",
            "Currency": f"USDC (6 decimals), token {address_text(statement.usdc)}",
        }
    )


def _sentence(statement: schemas.Statement) -> str:
    sentence = statement.status_detail[0].upper() + statement.status_detail[1:]
    return sentence + (f". As of {statement.as_of:%Y-%m-%d %H:%M:%S} UTC." if statement.as_of else ".")


def _facts(facts: Mapping[str, str]) -> Block:
    def draw(pen: Pen) -> None:
        for number, (name, value) in enumerate(facts.items()):
            pen.text(0, 8 + 12 * number, name, 8, GREY)
            pen.text(70, 8 + 12 * number, value)

    return Block(12 * len(facts) + 14, draw)


# ----------------------------------------------------------------------------------------------------------- the sums


def _sums(statement: schemas.Statement) -> Iterator[Block]:
    def heading(pen: Pen) -> None:
        pen.text(0, 10, "Accounts and totals, in USDC", 10.5, bold=True)
        for number, name in enumerate(_SUMS.values()):
            pen.right(_sum_ends(number), 26, name, 6.5, GREY)
        pen.rule(31, GREY)

    top = Block(33, heading)
    yield top
    for account in statement.accounts:
        yield _sum_line(_name(account), account, top, id_=account.account_id)
    yield _sum_line("Total", statement.total, top)

    def law(pen: Pen) -> None:
        rule = "earned = paid + held;   opening held + held - claimed - swept = closing held"
        pen.text(0, 9, f"{rule}. Swept: not claimed within 30 days, and no longer the account's.", 6.5, GREY)

    yield Block(26, law)


def _sum_line(name: str, sums: schemas.StatementTotals, top: Block, *, id_: UUID | None = None) -> Block:
    def draw(pen: Pen) -> None:
        pen.text(0, 9, name, 8, bold=id_ is None)
        pen.mono(0, 17, f"account {id_}" if id_ else "", 5.6)
        y = 28 if id_ else 9
        for number, column in enumerate(_SUMS):
            amount = usdc(getattr(sums, column))
            pen.right(_sum_ends(number), y, amount, 7.5, bold=id_ is None, room=_sum_ends(1) - _sum_ends(0) - 4)
        pen.rule(y + 5)

    return Block(36 if id_ else 20, draw, top)


def _sum_ends(number: int) -> float:
    return WIDTH * (number + 1) / len(_SUMS)


# ------------------------------------------------------------------------------------------------------ the movements


def _movements(statement: schemas.Statement, names: Mapping[UUID, str]) -> Iterator[Block]:
    def heading(pen: Pen) -> None:
        pen.text(0, 10, "Movements", 10.5, bold=True)
        for x, name in ((0, "date and time (UTC)"), (86, "what"), (_COLUMNS["for"], "for")):
            pen.text(x, 26, name, 6.5, GREY)
        for column, name in (("tip", "whole tip"), ("amount", "amount"), ("held", "held after it")):
            pen.right(_COLUMNS[column], 26, name, 6.5, GREY)
        pen.rule(31, GREY)

    top = Block(33, heading)
    yield top
    held = 0
    for line in statement.data:
        held = _held_after(line, held)
        if line.kind in {"opening", "closing"}:
            yield _balance(line, top)
        else:
            yield _movement(line, MicroUsdc(held), names, top)


def _held_after(line: schemas.StatementLine, held: int) -> int:
    match line.kind:
        case "opening":
            return line.amount_micro_usdc
        case "held":
            return held + line.amount_micro_usdc
        case "claim" | "sweep":
            return held - line.amount_micro_usdc
        case _:
            return held


def _balance(line: schemas.StatementLine, top: Block) -> Block:
    def draw(pen: Pen) -> None:
        pen.box(0, 16)
        pen.text(0, 11, f"{line.time:%Y-%m-%d %H:%M:%S}", 7.5)
        pen.text(86, 11, WHAT[line.kind], 7.5, bold=True)
        pen.right(_COLUMNS["held"], 11, usdc(line.amount_micro_usdc), 7.5, bold=True)

    return Block(18, draw, top)


def _movement(line: schemas.StatementLine, held: MicroUsdc, names: Mapping[UUID, str], top: Block) -> Block:
    titles = _OF_BUCKETS.get(line.kind) or _title_lines(line.series, line.episode)
    below = 10 * (len(titles) - 1)

    def draw(pen: Pen) -> None:
        pen.text(0, 10, f"{line.time:%Y-%m-%d %H:%M:%S}", 7.5)
        pen.text(86, 10, WHAT[line.kind], 7.5)
        for number, title in enumerate(titles):
            pen.text(_COLUMNS["for"], 10 + 10 * number, title, _TITLE_SIZE)
        if line.tip_micro_usdc is not None:
            pen.right(_COLUMNS["tip"], 10, usdc(line.tip_micro_usdc), 7.5, GREY, room=62)
        pen.right(_COLUMNS["amount"], 10, usdc(line.amount_micro_usdc), 7.5, room=62)
        pen.right(_COLUMNS["held"], 10, usdc(held), 7.5, GREY, room=62)
        pen.mono(0, 19 + below, f"tx {hex_text(line.tx_hash or b'')}")
        pen.mono(240, 19 + below, f"to {address_text(line.wallet)}" if line.wallet else "kept in the contract")
        whose = names[line.account_id] if line.account_id else ""
        pen.right(WIDTH, 19 + below, f"{whose} · {line.finality}", 5.8, GREY, room=WIDTH - 398)
        pen.rule(23 + below)

    return Block(24 + below, draw, top)


@lru_cache(maxsize=2000)
def _title_lines(series: str | None, episode: str | None) -> list[str]:
    """Of a share for an episode that is not of this platform: that it is none."""
    title = " · ".join(each for each in (series, episode) if each) or "not an episode of ours"
    return paper.wrapped(paper.showable(title), _TITLE_ROOM, _TITLE_SIZE)


def _name(account: schemas.StatementAccount) -> str:
    if account.agent_name is None:
        return account.role
    name = paper.showable(account.agent_name)
    return f"{name}, agent" if account.role == "agent" else f"creator of {name}"


# --------------------------------------------------------------------------------------------------- how to verify it


def _verification(statement: schemas.Statement) -> Iterable[Block]:
    explained = (
        f"Every line names its transaction (tx). Any block explorer or node of chain {statement.chain_id} shows it, "
        "with the contract's events: TipSplit (a tip, its shares, the wallets they were paid to), ShareHeld, "
        "ShareClaimed and ShareSwept. They count in micro-USDC: 1 USDC = 1,000,000. "
        "Nobody, Molt Studios included, can change them.",
        "finalized: no reorganisation of the blockchain can take it back; safe or unsafe: not final yet.",
        f"The same lines as CSV and JSON: GET /api/v1/earnings/statement?month={statement.month}&format=csv. "
        "A character that this document's font lacks is shown as ?; there it is written in full.",
    )
    lines = [line for paragraph in explained for line in paper.wrapped(paragraph, WIDTH, 7.5)]

    def draw(pen: Pen) -> None:
        pen.text(0, 22, "How to verify this statement", 10.5, bold=True)
        for number, line in enumerate(lines):
            pen.text(0, 37 + 11 * number, line, 7.5, GREY)

    return [Block(40 + 11 * len(lines), draw)]
