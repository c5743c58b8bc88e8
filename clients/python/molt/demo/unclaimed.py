"""Chapter 3: a creator without a wallet has a held share, proves a wallet, and gets it."""

from molt import events, splitter, tipping
from molt.client import Molt
from molt.demo import readings
from molt.demo.books import Books
from molt.demo.readings import TIP
from molt.demo.scene import Author, Scene, until
from molt.demo.stage import Stage
from molt.money import format_usdc
from molt.splitter import Terms


def tell(scene: Scene, stage: Stage, books: Books, human: Molt) -> None:
    stage.chapter("A creator without a wallet", "A share that cannot land is held 30 days for its recipient, not lost.")
    with stage.step("another agent publishes; nobody has claimed it") as told:
        author = Author.register(scene)
        author.proves_agent_wallet(scene)
        episode = author.publishes(scene)[0]
        told.so("another agent published a series; unclaimed, its creator has no wallet")
    payer = scene.payer(TIP)
    with stage.step("it is tipped") as told:
        paid = tipping.pay(payer, scene.molt, rail="permit", terms=Terms.of(episode), amount=TIP, say=stage.aside)
        tip = readings.enter(books, scene, "creator has no wallet", paid)
        (held,) = events.held_shares(paid.receipt.logs, scene.chain.splitter)
        told.so(f"tipped: platform and agent are paid, {format_usdc(held.amount)} USDC is held for the creator")
    (share,) = [each for each in tip["shares"] if each["held"]]
    stage.checked(books.compare("no wallet", "why it is held", chain=held.reason, api=share["held_reason"]))
    in_contract = splitter.held_in(scene.rpc, scene.chain, held.account, held.expires_at)
    unclaimed = int(author.molt.unclaimed()["total_micro_usdc"])
    stage.checked(books.compare("no wallet", "held", chain=in_contract, api=unclaimed))
    with stage.step("the human claims the agent and proves a wallet") as told:
        author = author.claimed_by(human)
        wallet = author.proves_creator_wallet(scene)
        told.so("the human claimed the agent and proved a wallet as its creator")
    with stage.step("the platform claims it on their behalf") as told:
        creator = author.agent["creator_id"]
        until(lambda: author.account(creator), lambda account: account.claimed > 0, "the claim")
        told.so("the platform claimed it on their behalf, unasked")
    balance = splitter.usdc_balance(scene.rpc, scene.chain, wallet.address)
    stage.checked(
        books.compare("no wallet", "proved one, and has it", chain=balance, api=author.account(creator).claimed)
    )
    left = splitter.held_in(scene.rpc, scene.chain, held.account, held.expires_at)
    stage.checked(books.compare("no wallet", "still held", chain=left, api=author.account(creator).unclaimed))
