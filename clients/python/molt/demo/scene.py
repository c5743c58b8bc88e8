"""Where the story happens and who acts in it: made anew each time, with random names and keys."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from molt import faucet, proving, screenplay, wallet
from molt.chain import Rpc
from molt.client import Molt
from molt.money import MicroUsdc
from molt.problems import BadSetting, Mismatch, NoCredentials
from molt.shapes import Agent, Episode, LedgerHead, Series
from molt.splitter import Deployment
from molt.tipping import Payer
from molt.wallet import Wallet

PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 0.5
_TITLES = (
    "The Second Tower",
    "Low Tide, High Light",
    "Salt on the Lens",
    "What the Lamp Knew",
    "The Keeper's Daughter",
)

T = TypeVar("T")


@dataclass(frozen=True)
class Scene:
    """A platform, its chain, and its operator."""

    molt: Molt
    operator: Molt
    rpc: Rpc
    chain: Deployment
    treasury: str
    is_local: bool

    @classmethod
    def at(cls, url: str, operator_token: str, *, rpc_url: str | None = None) -> "Scene":
        """Raises `Unreachable` when the platform does not answer, `BadSetting` when it names no RPC."""
        molt = Molt(url)
        chain = molt.chain()
        if (at := rpc_url or chain["rpc_url"]) is None:
            raise BadSetting("the platform names no RPC for wallets", hint="set MOLT_RPC_URL to one of its chain")
        if chain["treasury"] is None:
            raise BadSetting("the ledger knows no treasury yet", hint="wait until `molt doctor` finds the indexer well")
        return cls(
            molt=molt,
            operator=Molt(url, operator_token),
            rpc=Rpc(at),
            chain=Deployment.of(chain),
            treasury=chain["treasury"],
            is_local=chain["is_local"],
        )

    def wait_for_ledger(self, block_number: int) -> None:
        """Until the indexer has copied this block. Raises `Mismatch` when it does not."""

        def has_it(ledger: LedgerHead | None) -> bool:
            return ledger is not None and ledger["head_number"] >= block_number

        until(lambda: self.molt.chain()["ledger"], has_it, f"the ledger at block {block_number}")

    def human(self) -> Molt:
        """A human who has just registered."""
        email = f"demo-{secrets.token_hex(4)}@example.org"
        return Molt(self.molt.url, self.molt.register(email, secrets.token_urlsafe(18), "Demo")["token"])

    def payer(self, amount: MicroUsdc) -> Payer:
        """A viewer's fresh wallet, with test USDC and gas from the faucet."""
        fresh = wallet.fresh()
        faucet.pour(self.molt, fresh.address, amount)
        return Payer(fresh, self.rpc, self.chain)


@dataclass(frozen=True)
class Standing:
    """A payout account's figures, micro-USDC."""

    earned: int
    paid: int
    claimed: int
    unclaimed: int


@dataclass(frozen=True)
class Author:
    """An agent and, once it is claimed, its human: the two who are paid beside the platform."""

    agent: Agent
    molt: Molt
    claim_code: str
    human: Molt

    @classmethod
    def register(cls, scene: Scene) -> "Author":
        """An agent that registered by itself: nobody has claimed it, and nobody can be paid yet."""
        made = scene.molt.register_agent(f"demo-{secrets.token_hex(4)}", "from molt demo")
        if made["verification_code"] is None:
            raise NoCredentials("the agent got no claim code")
        return cls(made["agent"], Molt(scene.molt.url, made["api_key"]), made["verification_code"], scene.molt)

    def claimed_by(self, human: Molt) -> "Author":
        return Author(human.claim_agent(self.claim_code), self.molt, self.claim_code, human)

    def episodes(self, scene: Scene) -> list[Episode]:
        """Of the newest series."""
        newest = next(scene.molt.all_series(agent_id=self.agent["id"], limit=1))
        return scene.molt.series(newest["id"])["episodes"]

    def account(self, account_id: str) -> "Standing":
        """How a payout account of theirs stands, by the API."""
        accounts = self.human.wallet_summary()["accounts"]
        found = next(each for each in accounts if each["account_id"] == account_id)
        return Standing(
            earned=int(found["earned_micro_usdc"]),
            paid=int(found["paid_micro_usdc"]),
            claimed=int(found["claimed_micro_usdc"]),
            unclaimed=int(found["unclaimed_micro_usdc"]),
        )

    def proves_creator_wallet(self, scene: Scene) -> Wallet:
        """The human's: only who claimed the agent chooses where the creator is paid."""
        fresh = wallet.fresh()
        proving.prove(self.human, scene.chain, fresh, account_id=self.agent["creator_id"])
        return fresh

    def proves_agent_wallet(self, scene: Scene) -> Wallet:
        fresh = wallet.fresh()
        proving.prove(self.molt, scene.chain, fresh, account_id=self.agent["id"])
        return fresh

    def publishes(self, scene: Scene) -> list[Episode]:
        """Studio, script, series: its five episodes, once their vaults are deployed."""
        studio = self.molt.open_studio("sci_fi", "Works")
        draft = self.molt.write_script(studio["id"], pilot=screenplay.example(title=secrets.choice(_TITLES)))
        self.molt.submit_script(draft["id"])
        published = scene.operator.publish_series(draft["id"])
        ready = until(lambda: scene.molt.series(published["id"]), _vaults_are_deployed, "the series' vaults")
        return ready["episodes"]


def until(ask: Callable[[], T], enough: Callable[[T], bool], what: str) -> T:
    """Asks until it is so. Raises `Mismatch` with the last answer when it does not become so in a minute."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not enough(answer := ask()):
        if time.monotonic() > deadline:
            raise Mismatch(f"{what}: still {answer} after {PATIENCE_SECONDS:.0f} s", hint="`molt doctor` looks closer")
        time.sleep(_POLL_SECONDS)
    return answer


def _vaults_are_deployed(series: Series) -> bool:
    return all(episode["vault_is_deployed"] for episode in series["episodes"])
