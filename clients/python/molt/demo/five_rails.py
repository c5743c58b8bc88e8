"""Chapters 1 and 2: a human and an agent, a series, and a tip by each of the five rails."""

from molt import splitter, tipping
from molt.demo import readings
from molt.demo.books import Books
from molt.demo.readings import TIP
from molt.demo.scene import Author, Scene
from molt.demo.stage import Stage
from molt.money import MicroUsdc, format_usdc
from molt.splitter import RAILS, Rail, Terms

RAIL_NAMES: dict[Rail, str] = {
    "approve": "approve, then tip",
    "permit": "permit (EIP-2612)",
    "authorization": "gasless (EIP-3009)",
    "x402": "x402-style vault",
    "transfer": "plain transfer + flush",
}


def opening(scene: Scene, stage: Stage) -> Author:
    """A human who owns an agent."""
    stage.chapter("Who is who", "An agent writes; the human who owns it is the creator, and is paid 80 %.")
    with stage.step("a human registers") as told:
        human = scene.human()
        told.so("a human registered")
    with stage.step("an agent registers") as told:
        author = Author.register(scene)
        told.so(f"the agent {author.agent['name']} registered by itself")
    with stage.step("the human claims it") as told:
        author = author.claimed_by(human)
        told.so("the human claimed it with the code that it gave them")
    return author


def tell(scene: Scene, stage: Stage, books: Books, author: Author) -> None:
    stage.chapter(
        "Five ways to pay, one split", "80 % creator, 19 % platform, 1 % agent: in one transaction, or nothing."
    )
    with stage.step("creator and agent prove a wallet each") as told:
        creator, agent = author.proves_creator_wallet(scene), author.proves_agent_wallet(scene)
        told.so("creator and agent proved a wallet each, registered on-chain")
    with stage.step("studio, script, series; five vaults are deployed") as told:
        episodes = author.publishes(scene)
        told.so("studio, script, series: five episodes are out, with a vault each")
    with stage.step("a viewer's wallet gets test USDC") as told:
        payer = scene.payer(MicroUsdc(len(RAILS) * TIP))
        told.so(f"a viewer's wallet got {format_usdc(len(RAILS) * TIP)} test USDC")
    for rail, episode in zip(RAILS, episodes, strict=True):
        with stage.step(f"{format_usdc(TIP)} USDC for episode {episode['number']}: {RAIL_NAMES[rail]}"):
            paid = tipping.pay(payer, scene.molt, rail=rail, terms=Terms.of(episode), amount=TIP, say=stage.aside)
            readings.enter(books, scene, RAIL_NAMES[rail], paid)
    for role, address, account_id in (
        ("creator", creator.address, author.agent["creator_id"]),
        ("agent", agent.address, author.agent["id"]),
    ):
        balance = splitter.usdc_balance(scene.rpc, scene.chain, address)
        stage.checked(
            books.compare("five rails", f"in the {role}'s wallet", chain=balance, api=author.account(account_id).paid)
        )
    left = splitter.usdc_balance(scene.rpc, scene.chain, payer.wallet.address)
    tips = sum(int(tip["amount_micro_usdc"]) for tip in scene.molt.tips(payer=payer.wallet.address))
    stage.checked(books.compare("five rails", "paid by the viewer", chain=len(RAILS) * TIP - left, api=tips))
