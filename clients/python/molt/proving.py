"""Proving a wallet: ask what to sign, sign it, hand it in, wait until the chain has it. Start at `prove`."""

import time

from molt import splitter, typed_data
from molt.client import Molt
from molt.problems import ChainRefused, Mismatch, MoltError, OutcomeUnknown, UntrustedQuote
from molt.shapes import Wallet as RegisteredWallet
from molt.shapes import WalletChallenge
from molt.splitter import Deployment
from molt.typed_data import Consent
from molt.wallet import Wallet

ACTIVE_TIMEOUT_SECONDS = 90.0
_POLL_SECONDS = 0.5


def challenge(molt: Molt, chain: Deployment, address: str, *, account_id: str | None = None) -> WalletChallenge:
    """What `address` would sign. Raises `UntrustedQuote` if it is about another wallet, account or chain."""
    given = molt.wallet_challenge(address, account_id=account_id, chain_id=chain.chain_id)
    meant = (address.lower(), chain.chain_id, account_id or given["account_id"])
    if (given["address"].lower(), given["chain_id"], given["account_id"]) != meant:
        raise UntrustedQuote("the platform's challenge is not about the wallet, chain and account that were asked for")
    return given


def prove(
    molt: Molt, chain: Deployment, wallet: Wallet, *, account_id: str | None = None, old_wallet: Wallet | None = None
) -> RegisteredWallet:
    """Makes `wallet` the one that the account is paid at; the registrar pays the gas.

    A first wallet counts as soon as it is on-chain. A change waits 48 hours, unless `old_wallet` signs too. Answers
    once it is active, or announced. Raises `ApiProblem`, `ChainRefused`, or `OutcomeUnknown` when it takes too long.
    """
    given = challenge(molt, chain, wallet.address, account_id=account_id)
    consent = Consent(
        account=splitter.account_id(given["account_id"]),
        wallet=wallet.address,
        nonce=int(given["consent_nonce"]),
        deadline=given["deadline"],
    )
    signature = wallet.sign(typed_data.wallet_consent(chain, consent))
    if given["kind"] == "register":
        sent = molt.register_wallet(given["challenge"], signature, chain_id=chain.chain_id)
    else:
        sent = molt.change_wallet(
            _active_wallet(molt, given["account_id"])["id"],
            given["challenge"],
            signature,
            chain_id=chain.chain_id,
            old_signature=_cosignature(chain, consent, given["old_wallet"], old_wallet),
        )
    return _until_it_stands(molt, sent["id"])


def _active_wallet(molt: Molt, account_id: str) -> RegisteredWallet:
    found = next((each for each in molt.wallets(account_id=account_id) if each["state"] == "active"), None)
    if found is None:
        raise Mismatch(
            "the registry has a wallet for this account that the platform did not register",
            hint="change it through whoever registered it",
        )
    return found


def _cosignature(chain: Deployment, consent: Consent, expected: str | None, old_wallet: Wallet | None) -> bytes | None:
    if old_wallet is None or expected is None:
        return None
    if old_wallet.address.lower() != expected.lower():
        raise MoltError(f"the account's wallet is {expected}, not {old_wallet.address}", hint="give that one's key")
    return old_wallet.sign(typed_data.wallet_rotation(chain, consent, old_wallet=old_wallet.address))


def _until_it_stands(molt: Molt, wallet_id: str) -> RegisteredWallet:
    deadline = time.monotonic() + ACTIVE_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        wallet = molt.wallet(wallet_id)
        if wallet["state"] == "refused":
            refusal = wallet["refusal"]
            raise ChainRefused("the chain did not take the wallet", hint=refusal["hint"] if refusal else None)
        if wallet["state"] != "pending":
            return wallet
        time.sleep(_POLL_SECONDS)
    raise OutcomeUnknown(
        f"wallet {wallet_id} is submitted and not on-chain after {ACTIVE_TIMEOUT_SECONDS:.0f} s",
        hint="`molt wallet show` tells when it is; `molt doctor` tells what is slow",
    )
