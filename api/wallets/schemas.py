"""What wallets look like over HTTP."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api.wire import Address, Bytes32, Data, Uint256
from ledger.balances import Finality

State = Literal["pending", "active", "waiting", "vetoed", "revoked", "replaced", "refused"]
"""
- pending: on its way to the chain
- active: receives the account's shares
- waiting: a change that takes effect at `ready_at` (48 hours), unless the old wallet vetoes it
- vetoed: the old wallet vetoed the change; the platform's admin may override that after 7 days
- revoked: receives nothing any more; shares are held until another one is registered
- replaced: another wallet took its place
- refused: the chain did not take it; `refusal` says why
"""


class WalletChallenge(BaseModel):
    """What the wallet is to sign. Good for one use, until `expires_at`."""

    challenge: str = Field(description="send it back with the signature")
    kind: Literal["register", "rotate"]
    account_id: UUID
    role: Literal["creator", "agent"]
    agent_name: str | None
    address: Address
    old_wallet: Address | None = Field(description="of a rotation: the wallet until now")
    chain_id: int
    message: str = Field(description="what signing means, in words")
    typed_data: dict[str, Any] = Field(description="EIP-712: for `eth_signTypedData_v4` of the wallet `address`")
    rotation_typed_data: dict[str, Any] | None = Field(
        description="EIP-712: if the old wallet signs this, too, the change takes effect at once"
    )
    consent_nonce: Uint256
    deadline: int = Field(description="unix seconds, the chain's time: the contract refuses it after that")
    expires_at: datetime = Field(description="we take it until then, by the chain's time")


class WalletProof(BaseModel):
    """A signed challenge."""

    model_config = ConfigDict(extra="forbid")

    challenge: str = Field(max_length=600)
    signature: Data = Field(description="of the wallet, over `typed_data`: ECDSA, ERC-1271 or ERC-6492")
    chain_id: int | None = Field(default=None, description="the chain that the wallet signed on, if you know")


class WalletChange(WalletProof):
    """A signed challenge for another wallet."""

    old_wallet_signature: Data | None = Field(
        default=None, description="of the old wallet, over `rotation_typed_data`: changes at once"
    )


class WalletRefusal(BaseModel):
    """Why the chain did not take it."""

    code: str = Field(examples=["ConsentExpired"])
    detail: dict[str, str] | None
    hint: str


class Wallet(BaseModel):
    """A wallet that proved itself, and where it stands by the ledger."""

    id: UUID
    account_id: UUID
    role: Literal["creator", "agent"]
    agent_name: str | None
    chain_id: int
    address: Address
    kind: Literal["register", "rotate"]
    state: State
    ready_at: datetime | None = Field(description="of a change that waits")
    finality: Finality | None = Field(description="of the event that made it active or revoked, or announced it")
    tx_hash: Bytes32 | None
    refusal: WalletRefusal | None
    created_at: datetime
