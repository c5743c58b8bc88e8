"""A chain on which things happen: tips by every rail, holds, claims, sweeps, rotations, vaults, and reorganisations."""

import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3 import Web3

from deploy.local import accounts
from deploy.local import chain as local_chain
from indexer.settings import Settings
from ledger import deployment

DAY = 86_400
_GAS = 1_500_000
_NO_DEADLINE = 2**48
_STUCK_SECONDS = 5.0
"""A transaction that Anvil has not mined by then, it never will: a reorganisation took away what it builds on."""


def id_of(number: int) -> bytes:
    """A small account id or ref."""
    return number.to_bytes(32)


@dataclass
class World:
    """Sends transactions from the development accounts; a block is mined for each, or when `mine` is called."""

    rpc_url: str
    deployment: deployment.Deployment
    deployment_file: Path
    rng: random.Random
    w3: Web3
    cast: accounts.Cast = field(default_factory=accounts.cast)
    wallets: dict[bytes, list[LocalAccount]] = field(default_factory=dict)
    sent: list[dict[str, Any]] = field(default_factory=list)
    """Requests that may be sent again on another fork."""
    pairs: Sequence[tuple[int, int]] = ((1, 2), (3, 4), (5, 6))
    """Creator and agent of random actions."""
    refs: Sequence[int] = range(1, 40)

    def __post_init__(self) -> None:
        self.splitter: Any = self.w3.eth.contract(self.deployment.splitter, abi=deployment.abi("TipSplitter"))
        self.usdc: Any = self.w3.eth.contract(self.deployment.usdc, abi=deployment.abi("FiatTokenV2_2"))

    # ------------------------------------------------------------------------------------------------------ actions

    def approve(self) -> None:
        for viewer in self.cast.viewers:
            self._send(self.usdc.functions.approve(self.deployment.splitter, 2**200), viewer)

    def mint(self, amount: int) -> None:
        """To every viewer."""
        for viewer in self.cast.viewers:
            self._send(self.usdc.functions.mint(viewer.address, amount), self.cast.faucet)

    def tip(self, creator: int = 1, agent: int = 2, ref: int = 7, amount: int | None = None) -> None:
        call = self.splitter.functions.tip(id_of(creator), id_of(agent), amount or self._amount(), id_of(ref))
        self._send(call, self._viewer())

    def tip_with_permit(self, creator: int = 1, agent: int = 2, ref: int = 7) -> None:
        """Uses up what the payer approved: `approve` again."""
        payer, amount = self._viewer(), self._amount()
        fields = dict.fromkeys(("owner", "spender"), "address") | dict.fromkeys(
            ("value", "nonce", "deadline"), "uint256"
        )
        nonce = self.usdc.functions.nonces(payer.address).call()
        message = {"owner": payer.address, "spender": self.deployment.splitter, "value": amount}
        message |= {"nonce": nonce, "deadline": _NO_DEADLINE}
        signature = self._sign(payer, dict(self.deployment.usdc_domain), "Permit", fields, message)
        terms = (id_of(creator), id_of(agent), amount, id_of(ref), _NO_DEADLINE, signature)
        self._send(self.splitter.functions.tipWithPermit(*terms), payer)

    def tip_with_authorization(self, creator: int = 1, agent: int = 2, ref: int = 7) -> None:
        payer, amount, salt = self._viewer(), self._amount(), self.rng.randbytes(32)
        ids = {"creator_id": id_of(creator), "agent_id": id_of(agent), "ref": id_of(ref)}
        nonce = deployment.terms_nonce(**ids, salt=salt)
        signature = self._authorize(payer, self.deployment.splitter, amount, nonce, receive=True)
        terms = (payer.address, id_of(creator), id_of(agent), amount, id_of(ref), salt, 0, _NO_DEADLINE, signature)
        self._send(self.splitter.functions.tipWithAuthorization(*terms), self.cast.relayer)

    def tip_x402(self, creator: int = 1, agent: int = 2, ref: int = 7) -> None:
        payer, amount, nonce = self._viewer(), self._amount(), self.rng.randbytes(32)
        signature = self._authorize(payer, self.vault(creator, agent, ref), amount, nonce)
        terms = (id_of(creator), id_of(agent), id_of(ref), amount, 0, _NO_DEADLINE, nonce, signature)
        self._send(self.splitter.functions.tipX402(payer.address, *terms), self.cast.relayer)

    def front_run_x402(self, creator: int = 1, agent: int = 2, ref: int = 7) -> None:
        """The authorization alone, submitted by somebody else: the money waits in the vault, deployed or not."""
        payer, amount, nonce = self._viewer(), self._amount(), self.rng.randbytes(32)
        vault = self.vault(creator, agent, ref)
        signature = self._authorize(payer, vault, amount, nonce)
        terms = (payer.address, vault, amount, 0, _NO_DEADLINE, nonce, signature)
        verb = "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)"
        self._send(self.usdc.functions[verb](*terms), self.cast.relayer)

    def pay_vault(self, creator: int = 1, agent: int = 2, ref: int = 7) -> None:
        self._send(self.usdc.functions.transfer(self.vault(creator, agent, ref), self._amount()), self._viewer())

    def deploy_vault(self, creator: int = 1, agent: int = 2, ref: int = 7) -> None:
        self._send(
            self.splitter.functions.deployVaults([(id_of(creator), id_of(agent), id_of(ref))]), self.cast.relayer
        )

    def flush(self, creator: int = 1, agent: int = 2, ref: int = 7) -> None:
        self._send(self.splitter.functions.flush(id_of(creator), id_of(agent), id_of(ref)), self.cast.relayer)

    def pay_stranger(self) -> None:
        """A transfer that is none of ours."""
        self._send(self.usdc.functions.transfer(self.cast.relayer.address, self._amount()), self._viewer())

    def send_stray(self) -> None:
        self._send(self.usdc.functions.transfer(self.deployment.splitter, self._amount()), self._viewer())

    def set_wallet(self, account: int = 1) -> None:
        """Registers the account's first wallet, or rotates it with the old one's signature."""
        account_id, wallet = id_of(account), Account.from_key(self.rng.randbytes(32))
        _, status = self.splitter.functions.walletOf(account_id).call()
        nonce = self.splitter.functions.consentNonce(account_id).call()
        consent = self._sign_wallet(wallet, "WalletConsent", account_id, {"wallet": wallet.address}, nonce)
        known = self.wallets.setdefault(account_id, [])
        known.append(wallet)
        if status != 1:
            call = self.splitter.functions.register(account_id, wallet.address, _NO_DEADLINE, consent)
        else:
            call = self.splitter.functions.rotate(account_id, wallet.address, _NO_DEADLINE, consent, b"")
        self._send(call, self.cast.registrar)

    def confirm_rotation(self, account: int = 1) -> None:
        self._send(self.splitter.functions.confirmRotation(id_of(account)), self.cast.relayer)

    def revoke(self, account: int = 1) -> None:
        self._send(self.splitter.functions.revoke(id_of(account)), self.cast.admin)

    def claim(self, account: int = 1) -> None:
        self._send(self.splitter.functions.claim(id_of(account), self._expiries(account)), self.cast.relayer)

    def sweep(self, account: int = 1) -> None:
        self._send(self.splitter.functions.sweep(id_of(account), self._expiries(account)), self.cast.relayer)

    def expire(self, account: int = 1) -> None:
        """Thirty-one days later, everything held is swept."""
        self.travel(31 * DAY)
        self.sweep(account)

    def blacklist_treasury(self, *, listed: bool = True) -> None:
        verb = self.usdc.functions.blacklist if listed else self.usdc.functions.unBlacklist
        self._send(verb(self.cast.treasury.address), self.cast.usdc_owner)

    def set_min_tip(self) -> None:
        self._send(self.splitter.functions.setMinTip(self.rng.randrange(100, 1000)), self.cast.admin)

    def travel(self, seconds: int) -> None:
        local_chain.request(self.w3, "evm_increaseTime", seconds)
        self.mine()

    def request(self, method: str, *parameters: Any) -> Any:
        return local_chain.request(self.w3, method, *parameters)

    def mine(self, blocks: int = 1) -> None:
        local_chain.request(self.w3, "anvil_mine", hex(blocks))

    # ------------------------------------------------------------------------------------------------------ disorder

    def random_action(self) -> None:
        """Something that the ledger must follow; many of them fail on-chain, which it must follow too."""
        accounts_, refs = self.rng.choice(self.pairs), self.rng.choice(self.refs)
        creator, agent = accounts_
        one = self.rng.choice(accounts_)
        actions: list[tuple[int, Callable[[], None]]] = [
            (12, lambda: self.tip(creator, agent, refs)),
            (5, lambda: self.tip_with_authorization(creator, agent, refs)),
            (5, lambda: self.tip_x402(creator, agent, refs)),
            (4, lambda: self.pay_vault(creator, agent, refs)),
            (2, lambda: self.front_run_x402(creator, agent, refs)),
            (3, lambda: self.flush(creator, agent, refs)),
            (2, lambda: self.deploy_vault(creator, agent, refs)),
            (3, self.pay_stranger),
            (1, self.send_stray),
            (2, lambda: self.set_wallet(one)),
            (1, lambda: self.confirm_rotation(one)),
            (1, lambda: self.revoke(one)),
            (3, lambda: self.claim(one)),
            (2, lambda: self.sweep(one)),
            (1, lambda: self.blacklist_treasury(listed=self.rng.random() < 0.5)),
            (1, self.set_min_tip),
            (1, lambda: self.travel(self.rng.choice([3600, 2 * DAY]))),
            (3, lambda: self.expire(one)),
            (2, lambda: self.mine(self.rng.randrange(1, 4))),
        ]
        self.rng.choices([action for _, action in actions], [weight for weight, _ in actions])[0]()

    def reorganise(self, depth: int) -> None:
        """Another fork of the same height: recent transactions moved, reordered, or dropped."""
        again = [request for request in self.sent[-2 * depth :] if self.rng.random() < 0.6]
        self.rng.shuffle(again)
        pairs = [[request, self.rng.randrange(depth)] for request in again[:20]]
        self.until_mined()
        local_chain.request(self.w3, "anvil_reorg", depth, pairs)

    def roll_back(self, depth: int) -> None:
        """The newest blocks are gone, as if they had never been; what comes next is another fork."""
        self.until_mined()
        local_chain.request(self.w3, "anvil_rollback", depth)

    def until_mined(self) -> None:
        """Anvil mines a little after it takes a transaction, and does not like to be reorganised in between."""
        started = time.monotonic()
        while int(local_chain.request(self.w3, "txpool_status")["pending"], 16):
            time.sleep(0.002)
            if time.monotonic() - started > _STUCK_SECONDS:
                local_chain.request(self.w3, "anvil_dropAllTransactions")

    # ------------------------------------------------------------------------------------------------------ reading

    def vault(self, creator: int = 1, agent: int = 2, ref: int = 7) -> str:
        address: str = self.splitter.functions.vaultOf(id_of(creator), id_of(agent), id_of(ref)).call()
        return address

    def head(self) -> tuple[int, bytes]:
        """Number and hash of the newest block, once everything sent is mined."""
        self.until_mined()
        latest = self.w3.eth.get_block("latest")
        return latest["number"], bytes(latest["hash"])

    def settings(self, database_url: str, **changes: Any) -> Settings:
        return Settings(
            **{
                "database_url": database_url,
                "rpc_urls": [self.rpc_url],
                "chain_id": self.deployment.chain_id,
                "deployment_file": self.deployment_file,
                "poll_seconds": 0.02,
                **changes,
            }
        )

    def environment(self, database_url: str) -> dict[str, str]:
        """For an indexer in a process of its own."""
        return {
            **os.environ,
            "DATABASE_URL": database_url,
            "RPC_URLS": self.rpc_url,
            "CHAIN_ID": str(self.deployment.chain_id),
            "DEPLOYMENT_FILE": str(self.deployment_file),
            "INDEXER_POLL_SECONDS": "0.02",
            "LOG_FORMAT": "json",
            "LOG_LEVEL": "debug",
        }

    # ------------------------------------------------------------------------------------------------------- pieces

    def _send(self, call: Any, sender: LocalAccount) -> None:
        request = {
            "from": sender.address,
            "to": call.address,
            "data": call._encode_transaction_data(),
            "gas": hex(_GAS),
        }
        self.sent.append(request)
        local_chain.request(self.w3, "eth_sendTransaction", request)

    def _viewer(self) -> LocalAccount:
        return self.rng.choice(self.cast.viewers)

    def _amount(self) -> int:
        return self.rng.randrange(100_000, 1_000_000)

    def _expiries(self, account: int) -> list[int]:
        held = self.splitter.events.ShareHeld().get_logs(
            from_block=self.deployment.deployed_at_block, argument_filters={"accountId": id_of(account)}
        )
        return sorted({log["args"]["expiresAt"] for log in held})[-40:]

    def _authorize(self, payer: LocalAccount, to: str, amount: int, nonce: bytes, *, receive: bool = False) -> bytes:
        kind = "ReceiveWithAuthorization" if receive else "TransferWithAuthorization"
        fields = {"from": "address", "to": "address", "value": "uint256"}
        fields |= {"validAfter": "uint256", "validBefore": "uint256", "nonce": "bytes32"}
        message = {"from": payer.address, "to": to, "value": amount}
        message |= {"validAfter": 0, "validBefore": _NO_DEADLINE, "nonce": nonce}
        return self._sign(payer, dict(self.deployment.usdc_domain), kind, fields, message)

    def _sign_wallet(
        self, signer: LocalAccount, kind: str, account_id: bytes, wallets: dict[str, str], nonce: int
    ) -> bytes:
        fields = {
            "accountId": "bytes32",
            **dict.fromkeys(wallets, "address"),
            "nonce": "uint256",
            "deadline": "uint256",
        }
        message = {"accountId": account_id, **wallets, "nonce": nonce, "deadline": _NO_DEADLINE}
        return self._sign(signer, dict(self.deployment.splitter_domain), kind, fields, message)

    def _sign(
        self, signer: LocalAccount, domain: dict[str, Any], kind: str, fields: dict[str, str], message: dict[str, Any]
    ) -> bytes:
        types = {kind: [{"name": name, "type": type_} for name, type_ in fields.items()]}
        return bytes(Account.sign_typed_data(signer.key, domain, types, message).signature)


@contextmanager
def running(folder: Path, *, seed: int = 1, epoch_blocks: int = 64) -> Iterator[World]:
    """A world on a copy of the deployed chain in `folder`; finality lies two epochs behind the head."""
    with local_chain.running(load_state=folder / "state.json", epoch_blocks=epoch_blocks, states_in_memory=4000) as url:
        file = folder / "deployment.json"
        found = deployment.load(local_chain.CHAIN_ID, file)
        yield World(url, found, file, random.Random(seed), local_chain.connect(url))
