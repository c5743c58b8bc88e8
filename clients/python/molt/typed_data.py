"""What a wallet signs (EIP-712): permits, authorizations, and its consent to be paid. Pure.

Built here and not taken from the server, so that a wallet signs only what its user asked for.
"""

from dataclasses import dataclass
from typing import Any

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from molt.splitter import Deployment, Terms

TypedData = dict[str, Any]


@dataclass(frozen=True)
class Consent:
    """What wallets agree to. `nonce` is the account's in the registry; `deadline` the chain's time, unix seconds."""

    account: bytes
    wallet: str
    nonce: int
    deadline: int


def terms_nonce(terms: Terms, salt: bytes) -> bytes:
    """The EIP-3009 nonce that binds a gasless tip to its terms, as `ITipSplitter.termsNonce` computes it."""
    kind = keccak(text="TipTerms(bytes32 creatorId,bytes32 agentId,bytes32 ref,bytes32 salt)")
    return keccak(encode(["bytes32"] * 5, [kind, terms.creator, terms.agent, terms.ref, salt]))


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


def _splitter_domain(chain: Deployment) -> dict[str, Any]:
    return {**chain.splitter_domain, "chainId": chain.chain_id, "verifyingContract": chain.splitter}


def _usdc_domain(chain: Deployment) -> dict[str, Any]:
    return {**chain.usdc_domain, "chainId": chain.chain_id, "verifyingContract": chain.usdc}
