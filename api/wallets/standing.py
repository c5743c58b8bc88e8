"""Where a wallet stands: decided by the ledger, then by the outbox; nothing of it is stored. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from api.wallets.schemas import State, WalletRefusal
from ledger.balances import Finality, WalletState
from relayer.outbox import Outgoing

_HINTS: Mapping[str, str] = {
    "ConsentExpired": "It took too long; sign a new challenge.",
    "InvalidWalletSignature": "The contract refuses the signature; sign a new challenge with the wallet's own key.",
    "WalletAlreadySet": "The account has a wallet; change it with `PUT /api/v1/wallets/{id}`.",
    "InvalidWallet": "This address cannot be a wallet.",
    "RegistrationIsFrozen": "Wallets cannot be registered for the time being.",
}
_FAILED = {"refused", "mined_reverted", "lost"}


@dataclass(frozen=True)
class Standing:
    state: State
    ready_at: datetime | None = None
    finality: Finality | None = None
    refusal: WalletRefusal | None = None


def of(address: bytes, *, is_newest: bool, ledger: WalletState, sent: Outgoing | None, ledger_height: int) -> Standing:
    """`is_newest`: no later request of this account names the same address. `sent`: the transaction that registers it;
    None when that is not asked for yet. `ledger_height`: the newest block in the ledger.
    """
    if is_newest and (found := _by_ledger(address, ledger)) is not None:
        return found
    if sent is not None and sent.state in _FAILED:
        return Standing("refused", refusal=_refusal(sent))
    if sent is None or sent.state != "mined_ok":
        return Standing("pending" if is_newest else "replaced")
    seen = sent.block_number is not None and sent.block_number <= ledger_height
    return Standing("replaced" if seen else "pending")


def _by_ledger(address: bytes, ledger: WalletState) -> Standing | None:
    if ledger.wallet == address and ledger.status == "active":
        return Standing("active", finality=ledger.finality)
    waiting = ledger.rotation
    if waiting is not None and waiting.wallet == address:
        state: State = "vetoed" if waiting.vetoed else "waiting"
        return Standing(state, ready_at=waiting.ready_at, finality=waiting.finality)
    if ledger.wallet == address and ledger.status == "revoked":
        return Standing("revoked", finality=ledger.finality)
    return None


def _refusal(sent: Outgoing) -> WalletRefusal:
    code = sent.error_code or "Unexplained"
    hint = _HINTS.get(code, "Nothing was changed; sign a new challenge.")
    return WalletRefusal(code=code, detail=sent.error_detail, hint=hint)
