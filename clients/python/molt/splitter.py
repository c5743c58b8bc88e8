"""The words that a wallet exchanges with TipSplitter and USDC: calldata, EIP-712 typed data, and what the events say.

Built here and not taken from the server, so that a wallet signs only what its user asked for. The names are those of
`ITipSplitter.sol`; the tests compare selectors with the committed ABI.
"""

from dataclasses import dataclass
from typing import Any, Literal, get_args
from uuid import UUID

from eth_abi.abi import decode, encode
from eth_utils.crypto import keccak

from molt.chain import Log, Rpc, address_in, calldata, topic
from molt.money import MicroUsdc
from molt.shapes import Chain, Domain, Episode

Rail = Literal["approve", "permit", "authorization", "x402", "transfer"]
RAILS: tuple[Rail, ...] = get_args(Rail)
ONCHAIN_RAILS = ("approve", "permit", "authorization", "x402", "flush")  # order of the contract's enum
HOLD_REASONS = ("no_wallet", "blacklisted")  # order of the contract's enum

TIP_SPLIT = "TipSplit(bytes32,bytes32,address,bytes32,uint96,uint96,uint96,address,address,uint8,uint8)"
SHARE_HELD = "ShareHeld(bytes32,bytes32,uint64,uint96,uint8)"
VAULT_FLUSHED_TOPIC = topic("VaultFlushed(address,bytes32,address,uint96,bytes32)")
SHARE_CLAIMED = "ShareClaimed(bytes32,address,uint64,uint96)"
SHARE_SWEPT = "ShareSwept(bytes32,address,uint64,uint96)"

TypedData = dict[str, Any]

_ERRORS = (
    "TipBelowMinimum(uint256,uint256)",
    "AmountTooLarge(uint256,uint256)",
    "VaultBelowMinimum(address,uint256,uint256)",
    "ReservedAccount(bytes32)",
    "TipsPaused()",
    "TransferFailed(address,uint256)",
    "NothingToClaim(bytes32)",
    "NothingToSweep(bytes32)",
    "NoVerifiedWallet(bytes32)",
    "WalletAlreadySet(bytes32,address)",
    "InvalidWallet(address)",
    "InvalidWalletSignature(address)",
    "ConsentExpired(uint256,uint256)",
    "NotTheWallet(address,address)",
)
ERROR_NAMES = {
    keccak(text=signature)[:4]: (signature[: signature.index("(")], signature[signature.index("(") + 1 : -1])
    for signature in _ERRORS
}


@dataclass(frozen=True)
class Deployment:
    """What `GET /api/v1/chain` says, as far as a wallet needs it."""

    chain_id: int
    usdc: str
    usdc_domain: dict[str, str]  # name, version
    splitter: str
    splitter_domain: dict[str, str]

    @classmethod
    def of(cls, chain: Chain) -> "Deployment":
        return cls(
            chain_id=chain["chain_id"],
            usdc=chain["usdc"],
            usdc_domain=_name_and_version(chain["usdc_domain"]),
            splitter=chain["splitter"],
            splitter_domain=_name_and_version(chain["splitter_domain"]),
        )


@dataclass(frozen=True)
class Terms:
    """Whom a tip pays, for what. All three are 32-byte ids."""

    creator: bytes
    agent: bytes
    ref: bytes

    @classmethod
    def of(cls, episode: Episode) -> "Terms":
        return cls(account_id(episode["creator_id"]), account_id(episode["agent_id"]), account_id(episode["id"]))

    @property
    def creator_uuid(self) -> str:
        return str(UUID(bytes=self.creator[-16:]))

    @property
    def agent_uuid(self) -> str:
        return str(UUID(bytes=self.agent[-16:]))

    @property
    def episode_uuid(self) -> str:
        return str(UUID(bytes=self.ref[-16:]))


@dataclass(frozen=True)
class Consent:
    """What wallets agree to. `nonce` is the account's in the registry; `deadline` the chain's time, unix seconds."""

    account: bytes
    wallet: str
    nonce: int
    deadline: int


@dataclass(frozen=True)
class TipSplit:
    """One `TipSplit` event. The platform's share is what the other two leave."""

    ref: bytes
    creator: bytes
    payer: str
    agent: bytes
    amount: MicroUsdc
    creator_share: MicroUsdc
    agent_share: MicroUsdc
    creator_wallet: str
    agent_wallet: str
    held_mask: int
    rail: str
    tx_hash: str
    log_index: int

    @property
    def platform_share(self) -> MicroUsdc:
        return MicroUsdc(self.amount - self.creator_share - self.agent_share)


@dataclass(frozen=True)
class HeldShare:
    """One `ShareHeld` event; claimable strictly before `expires_at` (unix seconds), sweepable from then on."""

    account: bytes
    ref: bytes
    expires_at: int
    amount: MicroUsdc
    reason: str


def account_id(uuid: str | UUID) -> bytes:
    """A platform UUID as the contract's id: left-padded to 32 bytes."""
    return UUID(str(uuid)).int.to_bytes(32, "big")


def terms_nonce(terms: Terms, salt: bytes) -> bytes:
    """The EIP-3009 nonce that binds a gasless tip to its terms, as `ITipSplitter.termsNonce` computes it."""
    kind = keccak(text="TipTerms(bytes32 creatorId,bytes32 agentId,bytes32 ref,bytes32 salt)")
    return keccak(encode(["bytes32"] * 5, [kind, terms.creator, terms.agent, terms.ref, salt]))


# ------------------------------------------------------------------------------------------------------------- calldata


def approve_call(spender: str, amount: int) -> str:
    return calldata("approve(address,uint256)", spender, amount)


def transfer_call(to: str, amount: int) -> str:
    return calldata("transfer(address,uint256)", to, amount)


def tip_call(terms: Terms, amount: int) -> str:
    return calldata("tip(bytes32,bytes32,uint256,bytes32)", terms.creator, terms.agent, amount, terms.ref)


def tip_with_permit_call(terms: Terms, amount: int, deadline: int, signature: bytes) -> str:
    name = "tipWithPermit(bytes32,bytes32,uint256,bytes32,uint256,bytes)"
    return calldata(name, terms.creator, terms.agent, amount, terms.ref, deadline, signature)


def tip_x402_call(terms: Terms, authorization: dict[str, Any], signature: bytes) -> str:
    """`authorization` is the message of `transfer_authorization`."""
    name = "tipX402(address,bytes32,bytes32,bytes32,uint256,uint256,uint256,bytes32,bytes)"
    a = authorization
    return calldata(
        name,
        a["from"],
        terms.creator,
        terms.agent,
        terms.ref,
        a["value"],
        a["validAfter"],
        a["validBefore"],
        a["nonce"],
        signature,
    )


def flush_call(terms: Terms) -> str:
    return calldata("flush(bytes32,bytes32,bytes32)", terms.creator, terms.agent, terms.ref)


def claim_call(account: bytes, expiries: list[int]) -> str:
    return calldata("claim(bytes32,uint64[])", account, expiries)


def sweep_call(account: bytes, expiries: list[int]) -> str:
    return calldata("sweep(bytes32,uint64[])", account, expiries)


# ----------------------------------------------------------------------------------------------------------- typed data


def permit(chain: Deployment, *, owner: str, amount: int, nonce: int, deadline: int) -> TypedData:
    """EIP-2612, for exactly `amount` and to the splitter only."""
    fields = (
        ("owner", "address"),
        ("spender", "address"),
        ("value", "uint256"),
        ("nonce", "uint256"),
        ("deadline", "uint256"),
    )
    message = {"owner": owner, "spender": chain.splitter, "value": amount, "nonce": nonce, "deadline": deadline}
    return _typed("Permit", fields, _usdc_domain(chain), message)


def receive_authorization(
    chain: Deployment, *, payer: str, amount: int, terms: Terms, salt: bytes, valid_before: int
) -> TypedData:
    """EIP-3009 `ReceiveWithAuthorization` to the splitter; its nonce is the hash of the terms."""
    message = _authorization(payer, chain.splitter, amount, valid_before, terms_nonce(terms, salt))
    return _typed("ReceiveWithAuthorization", _AUTHORIZATION, _usdc_domain(chain), message)


def transfer_authorization(
    chain: Deployment, *, payer: str, vault: str, amount: int, valid_before: int, nonce: bytes
) -> TypedData:
    """EIP-3009 `TransferWithAuthorization` to an episode's vault, as any x402 client signs it."""
    message = _authorization(payer, vault, amount, valid_before, nonce)
    return _typed("TransferWithAuthorization", _AUTHORIZATION, _usdc_domain(chain), message)


def wallet_consent(chain: Deployment, consent: Consent) -> TypedData:
    """The wallet's own agreement to receive for an account."""
    fields = (("accountId", "bytes32"), ("wallet", "address"), ("nonce", "uint256"), ("deadline", "uint256"))
    message = {
        "accountId": consent.account,
        "wallet": consent.wallet,
        "nonce": consent.nonce,
        "deadline": consent.deadline,
    }
    return _typed("WalletConsent", fields, _splitter_domain(chain), message)


def wallet_rotation(chain: Deployment, consent: Consent, *, old_wallet: str) -> TypedData:
    """The old wallet's agreement that `consent.wallet` takes its place at once."""
    fields = (
        ("accountId", "bytes32"),
        ("oldWallet", "address"),
        ("newWallet", "address"),
        ("nonce", "uint256"),
        ("deadline", "uint256"),
    )
    message = {
        "accountId": consent.account,
        "oldWallet": old_wallet,
        "newWallet": consent.wallet,
        "nonce": consent.nonce,
        "deadline": consent.deadline,
    }
    return _typed("WalletRotation", fields, _splitter_domain(chain), message)


# --------------------------------------------------------------------------------------------------------------- events


def tip_splits(logs: tuple[Log, ...], splitter: str) -> list[TipSplit]:
    """The splits of a transaction, in order."""
    types = ["bytes32", "uint96", "uint96", "uint96", "address", "address", "uint8", "uint8"]
    splits = []
    for log in _events(logs, splitter, TIP_SPLIT):
        agent, amount, creator_share, agent_share, creator_wallet, agent_wallet, mask, rail = decode(types, log.data)
        splits.append(
            TipSplit(
                ref=_word(log.topics[1]),
                creator=_word(log.topics[2]),
                payer=address_in(log.topics[3]),
                agent=agent,
                amount=MicroUsdc(amount),
                creator_share=MicroUsdc(creator_share),
                agent_share=MicroUsdc(agent_share),
                creator_wallet=address_in(bytes.fromhex(creator_wallet[2:])),
                agent_wallet=address_in(bytes.fromhex(agent_wallet[2:])),
                held_mask=mask,
                rail=ONCHAIN_RAILS[rail],
                tx_hash=log.tx_hash,
                log_index=log.log_index,
            )
        )
    return splits


def held_shares(logs: tuple[Log, ...], splitter: str) -> list[HeldShare]:
    """The shares that a transaction held, in order."""
    held = []
    for log in _events(logs, splitter, SHARE_HELD):
        expires_at, amount, reason = decode(["uint64", "uint96", "uint8"], log.data)
        held.append(
            HeldShare(_word(log.topics[1]), _word(log.topics[2]), expires_at, MicroUsdc(amount), HOLD_REASONS[reason])
        )
    return held


# ---------------------------------------------------------------------------------------------------------------- views


def vault_of(rpc: Rpc, chain: Deployment, terms: Terms) -> str:
    ids = (terms.creator, terms.agent, terms.ref)
    return address_in(
        bytes.fromhex(rpc.read(chain.splitter, "vaultOf(bytes32,bytes32,bytes32)", ids, returns="address")[2:])
    )


def usdc_balance(rpc: Rpc, chain: Deployment, address: str) -> MicroUsdc:
    return MicroUsdc(rpc.read(chain.usdc, "balanceOf(address)", (address,), returns="uint256"))


def held_in(rpc: Rpc, chain: Deployment, account: bytes, expires_at: int) -> MicroUsdc:
    return MicroUsdc(rpc.read(chain.splitter, "held(bytes32,uint64)", (account, expires_at), returns="uint256"))


_AUTHORIZATION = (
    ("from", "address"),
    ("to", "address"),
    ("value", "uint256"),
    ("validAfter", "uint256"),
    ("validBefore", "uint256"),
    ("nonce", "bytes32"),
)
_DOMAIN = (("name", "string"), ("version", "string"), ("chainId", "uint256"), ("verifyingContract", "address"))


def _authorization(payer: str, to: str, amount: int, valid_before: int, nonce: bytes) -> dict[str, Any]:
    return {"from": payer, "to": to, "value": amount, "validAfter": 0, "validBefore": valid_before, "nonce": nonce}


def _typed(
    primary: str, fields: tuple[tuple[str, str], ...], domain: dict[str, Any], message: dict[str, Any]
) -> TypedData:
    def named(pairs: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
        return [{"name": name, "type": kind} for name, kind in pairs]

    types = {"EIP712Domain": named(_DOMAIN), primary: named(fields)}
    return {"types": types, "primaryType": primary, "domain": domain, "message": message}


def _name_and_version(domain: Domain) -> dict[str, str]:
    return {"name": domain["name"], "version": domain["version"]}


def _splitter_domain(chain: Deployment) -> dict[str, Any]:
    return {**chain.splitter_domain, "chainId": chain.chain_id, "verifyingContract": chain.splitter}


def _usdc_domain(chain: Deployment) -> dict[str, Any]:
    return {**chain.usdc_domain, "chainId": chain.chain_id, "verifyingContract": chain.usdc}


def _events(logs: tuple[Log, ...], splitter: str, signature: str) -> list[Log]:
    return [log for log in logs if log.address.lower() == splitter.lower() and log.topics[0] == topic(signature)]


def _word(text: str) -> bytes:
    return bytes.fromhex(text[2:])
