"""Chapter 4: USDC blacklists one recipient; the tip succeeds, the other two are paid, the third share is held."""

from molt import events, splitter, tipping, wallet
from molt.chain import calldata
from molt.demo import readings
from molt.demo.books import Books
from molt.demo.readings import TIP
from molt.demo.scene import Author, Scene, until
from molt.demo.stage import Stage
from molt.money import format_usdc
from molt.splitter import Terms

BLACKLISTER = 6  # the local chain's account that plays Circle


def tell(scene: Scene, stage: Stage, books: Books, author: Author) -> None:
    stage.chapter(
        "A recipient that USDC refuses", "Circle can blacklist an address: that stops one share, never the tip."
    )
    creator = author.agent["creator_id"]
    paid_at = splitter.wallet_of(scene.rpc, scene.chain, splitter.account_id(creator))
    with stage.step("USDC blacklists the first creator's wallet") as told:
        circle = wallet.dev(BLACKLISTER)
        circle.send(scene.rpc, to=scene.chain.usdc, data=calldata("blacklist(address)", paid_at))
        told.so("USDC blacklisted the first creator's wallet")
    episode = author.episodes(scene)[0]
    payer = scene.payer(TIP)
    with stage.step("an episode of theirs is tipped") as told:
        paid = tipping.pay(
            payer, scene.molt, rail="authorization", terms=Terms.of(episode), amount=TIP, say=stage.aside
        )
        tip = readings.enter(books, scene, "creator is blacklisted", paid)
        (held,) = events.held_shares(paid.receipt.logs, scene.chain.splitter)
        told.so(f"tipped all the same: two are paid, {format_usdc(held.amount)} USDC is held")
    (share,) = [each for each in tip["shares"] if each["held"]]
    stage.checked(books.compare("blacklisted", "why it is held", chain=held.reason, api=share["held_reason"]))
    with stage.step("USDC lifts it, and the creator claims") as told:
        circle.send(scene.rpc, to=scene.chain.usdc, data=calldata("unBlacklist(address)", paid_at))
        author.human.claim(account_id=creator)
        until(lambda: author.account(creator), lambda account: account.claimed > 0, "the claim")
        told.so("USDC lifted it, and the creator claimed")
    balance = splitter.usdc_balance(scene.rpc, scene.chain, paid_at)
    account = author.account(creator)
    stage.checked(books.compare("blacklisted", "lifted, and has it", chain=balance, api=account.paid + account.claimed))
