"""What tests do on a running platform, as its users do it: over HTTP, and with wallets on its chain."""

import itertools
import json
import re
import secrets
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import httpx
from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3 import Web3

from deploy.local import accounts, chain
from ledger import db
from tests.api.described import codes
from tests.builders.scripts import a_pilot

T = TypeVar("T")
Json = dict[str, Any]
_names = itertools.count(1)
_LEDGER_TABLES = (
    "tip_split",
    "share_held",
    "share_claimed",
    "share_swept",
    "wallet_event",
    "vault_flushed",
    "usdc_transfer",
    "authorization_used",
)
_UNDER_WAY = "SELECT count(*) FROM relay.outbox WHERE state IN ('queued', 'signed', 'broadcast')"


def from_elsewhere() -> dict[str, str]:
    """Headers of a request from an address of its own: the limits per address are not what is measured."""
    return {"X-Forwarded-For": f"10.{secrets.randbelow(256)}.{secrets.randbelow(256)}.{secrets.randbelow(256)}"}


@dataclass(frozen=True)
class Agent:
    """An agent that registered over HTTP."""

    id: str
    creator_id: str
    api_key: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api_key}"}


@dataclass(frozen=True)
class Platform:
    url: str
    rpc_url: str
    operator_token: str
    deployment_file: Path
    database_url: str
    environment: dict[str, str]
    """Of its services: for one more of them."""

    # ------------------------------------------------------------------------------------------------------------- HTTP

    @cached_property
    def http(self) -> httpx.Client:
        """Each request from an address of its own: the limits per address are not what is tested here."""

        def elsewhere(request: httpx.Request) -> None:
            request.headers.update(from_elsewhere())

        hooks = {"request": [elsewhere], "response": [self._demand_described]}
        return httpx.Client(base_url=f"{self.url}/api/v1", timeout=30, event_hooks=hooks)

    def get(self, path: str, *, agent: Agent | None = None, **params: Any) -> Json:
        answer = self.http.get(path, params=params, headers=agent.headers if agent else {})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def post(self, path: str, body: Json, *, headers: dict[str, str] | None = None) -> httpx.Response:
        """With an Idempotency-Key of its own, unless `headers` bring one."""
        return self.http.post(path, json=body, headers={"Idempotency-Key": str(uuid.uuid4()), **(headers or {})})

    @property
    def operator(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.operator_token}"}

    def an_agent(self) -> Agent:
        """Registered from an address of its own, as far as the limits are concerned."""
        answer = self.post("/agents/register", {"name": f"author{next(_names)}-{secrets.token_hex(3)}"})
        assert answer.status_code == 201, answer.text
        body = answer.json()
        return Agent(body["agent"]["id"], body["agent"]["creator_id"], body["api_key"])

    def a_series(self, agent: Agent) -> Json:
        """Published, its vaults deployed and known to the ledger."""
        studio = self.post("/studios", {"category": "drama", "suffix": "Works"}, headers=agent.headers).json()
        draft = self.post("/scripts", {"studio_id": studio["id"], "script_data": a_pilot()}, headers=agent.headers)
        submitted = self.post(f"/scripts/{draft.json()['id']}/submit", {}, headers=agent.headers)
        assert submitted.status_code == 200, submitted.text
        published = self.post("/operator/series", {"script_id": draft.json()["id"]}, headers=self.operator)
        assert published.status_code == 201, published.text
        return self.until(
            lambda: self.get(f"/series/{published.json()['id']}"),
            lambda series: all(episode["vault_is_deployed"] for episode in series["episodes"]),
        )

    def an_episode(self, *, wallets: bool = True) -> Json:
        """The pilot of a new agent's series. With `wallets`, creator and agent can receive."""
        agent = self.an_agent()
        if wallets:
            self.register_wallet(agent.creator_id, Account.create())
            self.register_wallet(agent.id, Account.create())
        episode: Json = self.a_series(agent)["episodes"][0]
        return episode

    def quote(self, episode: Json, *, amount: int = 250_000, payer: LocalAccount | None = None) -> Json:
        params = {"amount_micro_usdc": str(amount)} | ({"payer": payer.address} if payer else {})
        return self.get(f"/episodes/{episode['id']}/tip-quote", **params)

    def signed_submission(self, offered: Json, payer: LocalAccount) -> Json:
        """The body that a client sends: the quote's own, with the signature of its typed data."""
        signature = payer.sign_typed_data(full_message=offered["typed_data"]).signature
        return {**offered["submit"]["body"], "signature": signature.to_0x_hex()}

    def settled(self, tip_id: str) -> Json:
        return self.until(lambda: self.get(f"/tips/{tip_id}"), lambda tip: tip["status"] == "settled")

    # ------------------------------------------------------------------------------------------------------------ chain

    @cached_property
    def w3(self) -> Web3:
        return chain.connect(self.rpc_url)

    @cached_property
    def cast(self) -> accounts.Cast:
        return accounts.cast()

    @cached_property
    def splitter(self) -> Any:
        return self._contract("TipSplitter", json.loads(self.deployment_file.read_text())["splitter"])

    @cached_property
    def usdc(self) -> Any:
        return self._contract("FiatTokenV2_2", chain.USDC)

    def a_payer(self, amount: int = 10_000_000) -> LocalAccount:
        """A fresh wallet with gas and USDC."""
        payer: LocalAccount = Account.create()
        self.request("anvil_setBalance", payer.address, hex(10**18))
        if amount:
            self.transact(self.usdc.functions.mint(payer.address, amount), self.cast.faucet)
        return payer

    def register_wallet(self, account_id: str, wallet: LocalAccount) -> None:
        """With the wallet's own consent, by the registrar: what the API's wallet proof ends in."""
        account = uuid.UUID(account_id).bytes.rjust(32, b"\0")
        deadline = self.now() + 3600
        fields = [("accountId", "bytes32"), ("wallet", "address"), ("nonce", "uint256"), ("deadline", "uint256")]
        message = {
            "accountId": account,
            "wallet": wallet.address,
            "nonce": self.splitter.functions.consentNonce(account).call(),
            "deadline": deadline,
        }
        domain = {
            "name": "Molt Studios",
            "version": "1",
            "chainId": chain.CHAIN_ID,
            "verifyingContract": self.splitter.address,
        }
        types = {"WalletConsent": [{"name": name, "type": kind} for name, kind in fields]}
        signature = wallet.sign_typed_data(domain, types, message).signature
        self.transact(
            self.splitter.functions.register(account, wallet.address, deadline, signature), self.cast.registrar
        )

    def send(self, call: Json, sender: LocalAccount) -> Any:
        """One of a quote's calls."""
        return self._receipt({"to": call["to"], "data": call["data"], "value": 0}, sender)

    def transact(self, function: Any, sender: LocalAccount) -> Any:
        return self._receipt({"to": function.address, "data": function._encode_transaction_data(), "value": 0}, sender)

    def balance(self, address: str) -> int:
        return int(self.usdc.functions.balanceOf(Web3.to_checksum_address(address)).call())

    def in_pool(self, address: str) -> int:
        """Transactions of this sender that wait for a block."""
        count = self.w3.eth.get_transaction_count
        return count(self.w3.to_checksum_address(address), "pending") - count(self.w3.to_checksum_address(address))

    def now(self) -> int:
        return int(self.w3.eth.get_block("latest")["timestamp"])

    def mine(self, blocks: int) -> None:
        self.request("anvil_mine", hex(blocks))

    def request(self, method: str, *params: Any) -> Any:
        return chain.request(self.w3, method, *params)

    # ----------------------------------------------------------------------------------------------------------- ledger

    def caught_up(self) -> None:
        """Waits until the ledger has the chain's newest block."""
        head = self.w3.eth.block_number
        self.until(lambda: self.value("SELECT max(head_number) FROM ledger.cursor"), lambda number: number >= head)

    def facts(self) -> dict[str, int]:
        """What money has left behind: nothing of it may change when a request is refused. What earlier tests have sent
        arrives first."""
        self.until(lambda: self.value(_UNDER_WAY), lambda count: count == 0)
        self.caught_up()
        counts = {table: self.value(f"SELECT count(*) FROM ledger.{table}") for table in _LEDGER_TABLES}
        counts["outbox"] = self.value("SELECT count(*) FROM relay.outbox WHERE purpose <> 'flush_vault'")
        counts["submitted_tip"] = self.value("SELECT count(*) FROM app.submitted_tip")
        counts["chain"] = self.w3.eth.block_number
        return counts

    def until(self, ask: Callable[[], T], enough: Callable[[T], bool], *, seconds: float = 30) -> T:
        deadline = time.monotonic() + seconds
        while not enough(found := ask()):
            assert time.monotonic() < deadline, f"still {found}"
            time.sleep(0.1)
        return found

    def _demand_described(self, answer: httpx.Response) -> None:
        """What the platform answers, its own description has announced."""
        method, path = answer.request.method.lower(), answer.request.url.path
        operation = next((ops[method] for form, ops in self._described if form.fullmatch(path) and method in ops), None)
        if operation is None:
            return
        declared = operation["responses"].get(str(answer.status_code))
        assert declared is not None, f"{method} {path} does not announce {answer.status_code}"
        if answer.is_error:
            answer.read()
            assert answer.json()["code"] in codes(declared), (
                f"{method} {path} does not announce {answer.json()['code']}"
            )

    @cached_property
    def _described(self) -> list[tuple[re.Pattern[str], Json]]:
        """Fixed paths before those with parameters, as the router decides."""
        paths = httpx.get(f"{self.url}/api/v1/openapi.json", timeout=30).json()["paths"]
        ordered = sorted(paths, key=lambda path: path.count("{"))
        return [(re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)), paths[path]) for path in ordered]

    def value(self, query: str) -> Any:
        with db.connect(self.database_url, autocommit=True) as connection:
            row = connection.execute(query).fetchone()
        return row[0] if row else None

    def _contract(self, name: str, address: str) -> Any:
        abi = json.loads((chain.ROOT / "contracts/abi" / f"{name}.json").read_text())
        return self.w3.eth.contract(Web3.to_checksum_address(address), abi=abi)

    def _receipt(self, transaction: Json, sender: LocalAccount) -> Any:
        base = self.w3.eth.get_block("latest")["baseFeePerGas"]
        filled = {
            **transaction,
            "chainId": chain.CHAIN_ID,
            "nonce": self.w3.eth.get_transaction_count(sender.address),
            "gas": 1_000_000,
            "maxFeePerGas": base * 3 + 10**9,
            "maxPriorityFeePerGas": 10**9,
        }
        sent = self.w3.eth.send_raw_transaction(sender.sign_transaction(filled).raw_transaction)
        receipt = self.w3.eth.wait_for_transaction_receipt(sent, timeout=30, poll_latency=0.05)
        assert receipt["status"] == 1, receipt
        return receipt
