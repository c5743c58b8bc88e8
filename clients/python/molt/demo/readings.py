"""One tip, read from both sides."""

from eth_utils.crypto import keccak

from molt import events, tipping
from molt.demo.books import Books, Row, Shares
from molt.demo.scene import Scene
from molt.money import MicroUsdc, split
from molt.shapes import Share, Tip
from molt.tipping import Paid

TIP = MicroUsdc(250_000)
_PLATFORM_ID = keccak(text="molt.studios.platform")


def enter(books: Books, scene: Scene, what: str, paid: Paid) -> Tip:
    """Writes the tip into the books, and answers what the API says of it."""
    tip = tipping.in_ledger(scene.molt, paid)
    row = Row(what=what, expected=split(paid.split.amount), chain=on_chain(scene, paid), api=by_the_api(tip))
    books.rows.append(row)
    return tip


def on_chain(scene: Scene, paid: Paid) -> Shares:
    """What USDC moved to each wallet in this transaction, and what the splitter held."""
    held = {share.account: share.amount for share in events.held_shares(paid.receipt.logs, scene.chain.splitter)}

    def part(account: bytes, wallet: str) -> tuple[int, bool]:
        if account in held:
            return held[account], True
        return events.usdc_received(paid.receipt.logs, scene.chain.usdc, wallet), False

    creator, creator_held = part(paid.split.creator, paid.split.creator_wallet)
    platform, platform_held = part(_PLATFORM_ID, scene.treasury)
    agent, agent_held = part(paid.split.agent, paid.split.agent_wallet)
    return Shares(creator, platform, agent, creator_held, platform_held, agent_held)


def by_the_api(tip: Tip) -> Shares:
    shares = {share["role"]: share for share in tip["shares"]}

    def part(share: Share) -> tuple[int, bool]:
        return int(share["amount_micro_usdc"]), share["held"]

    creator, creator_held = part(shares["creator"])
    platform, platform_held = part(shares["platform"])
    agent, agent_held = part(shares["agent"])
    return Shares(creator, platform, agent, creator_held, platform_held, agent_held)
