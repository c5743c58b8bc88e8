"""Chapter 5: shares that nobody claims go to the treasury after 30 days, and not a second before."""

from molt import events, splitter, tipping
from molt.chain import Receipt, RpcRefused, refusal
from molt.demo import readings
from molt.demo.books import Books
from molt.demo.readings import TIP
from molt.demo.scene import Author, Scene
from molt.demo.stage import Stage
from molt.demo.throwaway import Throwaway
from molt.events import HeldShare
from molt.money import format_usdc
from molt.problems import ChainRefused, Mismatch
from molt.splitter import Terms
from molt.tipping import Payer

DAYS = 30
_GAS_LIMIT = 200_000  # given, so that nothing is simulated and a refusal is mined where we can see it


def tell(elsewhere: Throwaway | None, stage: Stage, books: Books) -> None:
    stage.chapter("Thirty days later", "On a throwaway platform: moving time would spoil a chain that goes on.")
    if elsewhere is None:
        stage.skip("it is not installed here: run the demo from the platform's checkout (`make demo`)")
        return
    with stage.step("a second platform starts") as told:
        scene = elsewhere.scene()
        told.so(f"a second platform is up, its chain at {scene.rpc.url}")
    author, payer, shares = _held(scene, stage, books)
    due = shares[0].expires_at
    before = splitter.usdc_balance(scene.rpc, scene.chain, scene.treasury)
    _stop_the_clock(scene)
    with stage.step(f"{DAYS} days minus one second later, anyone tries to sweep") as told:
        early = _sweep_at(scene, payer, shares[0], timestamp=due - 1)
        told.so(f"{DAYS} days minus 1 s later: a sweep is refused, {_why_refused(scene, shares[0], early)}")
        scene.wait_for_ledger(early.block_number)
    at_once = splitter.usdc_balance(scene.rpc, scene.chain, scene.treasury) - before
    stage.checked(books.compare("no claim", "swept a second too early", chain=at_once, api=_swept(author)))
    with stage.step(f"one second later, at {DAYS} days, again") as told:
        for second, share in enumerate(shares):
            _demand_success(_sweep_at(scene, payer, share, timestamp=due + second))
        told.so(f"one second later, at {DAYS} days: swept, to the treasury")
    _start_the_clock(scene)
    after = splitter.usdc_balance(scene.rpc, scene.chain, scene.treasury)
    with stage.step("the ledger follows"):
        scene.wait_for_ledger(scene.rpc.block().number)
    stage.checked(books.compare("no claim", "swept at 30 days", chain=after - before, api=_swept(author)))
    held = sum(splitter.held_in(scene.rpc, scene.chain, share.account, share.expires_at) for share in shares)
    stage.checked(
        books.compare("no claim", "still held", chain=held, api=int(author.molt.unclaimed()["total_micro_usdc"]))
    )


def _held(scene: Scene, stage: Stage, books: Books) -> tuple[Author, Payer, list[HeldShare]]:
    with stage.step("an agent publishes; nobody claims it, nobody proves a wallet") as told:
        author = Author.register(scene)
        episode = author.publishes(scene)[0]
        told.so("an agent published; nobody claimed it, nobody proved a wallet")
    payer = scene.payer(TIP)
    with stage.step("it is tipped") as told:
        paid = tipping.pay(payer, scene.molt, rail="permit", terms=Terms.of(episode), amount=TIP, say=stage.aside)
        readings.enter(books, scene, "nobody has a wallet", paid)
        shares = events.held_shares(paid.receipt.logs, scene.chain.splitter)
        told.so(f"tipped: {format_usdc(_total(shares))} USDC is held, for the creator and the agent")
    unclaimed = int(author.molt.unclaimed()["total_micro_usdc"])
    in_contract = sum(splitter.held_in(scene.rpc, scene.chain, s.account, s.expires_at) for s in shares)
    stage.checked(books.compare("no claim", "held", chain=in_contract, api=unclaimed))
    return author, payer, shares


def _sweep_at(scene: Scene, payer: Payer, share: HeldShare, *, timestamp: int) -> Receipt:
    """A sweep, mined in a block of exactly this time. Anyone may send it: here the viewer does."""
    scene.rpc.ask("evm_setNextBlockTimestamp", timestamp)
    data = splitter.sweep_call(share.account, [share.expires_at])
    receipt = payer.wallet.send(scene.rpc, to=scene.chain.splitter, data=data, gas_limit=_GAS_LIMIT)
    mined_at = scene.rpc.block(receipt.block_number).timestamp
    if mined_at != timestamp:
        raise Mismatch(f"the sweep was mined at {mined_at}, not at {timestamp}")
    return receipt


def _why_refused(scene: Scene, share: HeldShare, receipt: Receipt) -> str:
    """The contract's own word for it, asked at the block of the refusal."""
    call = {"to": scene.chain.splitter, "data": splitter.sweep_call(share.account, [share.expires_at])}
    try:
        scene.rpc.ask("eth_call", call, hex(receipt.block_number))
    except RpcRefused as error:
        refused = refusal(error, splitter.ERROR_NAMES)
        return refused.error_name or refused.detail if isinstance(refused, ChainRefused) else refused.detail
    raise Mismatch("a sweep one second too early would go through")


def _demand_success(receipt: Receipt) -> None:
    if not receipt.succeeded:
        raise Mismatch(f"a sweep that is due was refused, in transaction {receipt.tx_hash}")


def _swept(author: Author) -> int:
    return sum(int(p["amount_micro_usdc"]) for p in author.molt.payouts() if p["kind"] == "sweep")


def _total(shares: list[HeldShare]) -> int:
    return sum(share.amount for share in shares)


def _stop_the_clock(scene: Scene) -> None:
    """From now on only transactions make blocks, at the time that we say."""
    scene.rpc.ask("evm_setIntervalMining", 0)
    scene.rpc.ask("evm_setAutomine", True)  # noqa: FBT003  # the protocol's own argument


def _start_the_clock(scene: Scene) -> None:
    scene.rpc.ask("evm_setIntervalMining", 1)
