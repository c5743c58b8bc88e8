"""What tips look like over HTTP."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.tips.rails import GaslessRail, Rail
from api.tips.rules import NotCounted, Standing
from api.wire import Address, Amount, Bytes32, Data, Uint256
from ledger.balances import Finality
from ledger.balances import Rail as OnchainRail

Role = Literal["creator", "platform", "agent"]
HeldReason = Literal["no_wallet", "blacklisted"]
TypedData = dict[str, Any]
AskedAmount = Annotated[
    Amount | None, Query(alias="amount_micro_usdc", description="what to tip; default: the suggested 0.25 USDC")
]


class QuotedShare(BaseModel):
    """One recipient's part of a tip that is not paid yet."""

    role: Role
    account_id: UUID | None = Field(description="null for the platform")
    amount_micro_usdc: Amount
    wallet: Address | None = Field(description="where it would go; null when it has none")
    held: bool = Field(description="true: kept in the contract for 30 days, for its recipient to claim")
    held_reason: HeldReason | None
    note: str | None = Field(description="for people: why it would be held and what changes that")


class Call(BaseModel):
    """One transaction for the payer to send."""

    to: Address
    data: Data
    value_wei: Literal["0"] = "0"
    does: str = Field(examples=["USDC.approve(splitter, 250000)"])


class Submission(BaseModel):
    """What to send once the typed data is signed: `body` with `signature` added."""

    method: Literal["POST"] = "POST"
    path: str = "/api/v1/tips/authorizations"
    body: dict[str, Any]


class ApproveRail(BaseModel):
    """Two transactions by the payer."""

    calls: list[Call]


class PermitRail(BaseModel):
    """One signature, then one transaction by the payer: `function` with `arguments` and the signature."""

    typed_data: TypedData | None = Field(description="null without `payer`: it contains the payer's permit nonce")
    to: Address
    function: str
    arguments: dict[str, str | None]


class GaslessQuote(BaseModel):
    """One signature; we pay the gas."""

    typed_data: TypedData | None = Field(description="null without `payer`")
    submit: Submission | None = Field(description="null without `payer`")


class TransferRail(BaseModel):
    """A plain USDC transfer to the episode's vault, by any wallet; we flush it."""

    vault: Address
    calls: list[Call]


class Rails(BaseModel):
    """The ways to pay this tip, ready to send or to sign."""

    approve: ApproveRail
    permit: PermitRail
    authorization: GaslessQuote
    x402: GaslessQuote
    transfer: TransferRail


class TipProblem(BaseModel):
    """Something that would make the tip fail."""

    code: str = Field(examples=["INSUFFICIENT_ALLOWANCE"])
    rail: Rail | None = Field(description="null: every rail")
    detail: str
    hint: str


class TipQuote(BaseModel):
    """Who would receive what of a tip, and how to pay it."""

    episode_id: UUID
    series_id: UUID
    chain_id: int
    usdc: Address
    splitter: Address
    vault: Address
    creator_id: Bytes32
    agent_id: Bytes32
    ref: Bytes32
    amount_micro_usdc: Amount
    minimum_micro_usdc: Amount
    suggested_micro_usdc: Amount
    valid_before: Uint256 = Field(description="of what is proposed to sign; unix seconds")
    shares: list[QuotedShare]
    payer: Address | None
    problems: list[TipProblem] = Field(description="what would make it fail, as far as `payer` lets us look")
    rails: Rails


class TipCheck(BaseModel):
    """A tip that somebody is about to send."""

    model_config = ConfigDict(extra="forbid")

    episode_id: UUID
    payer: Address
    amount_micro_usdc: Amount
    rail: Rail
    chain_id: int = Field(description="the chain that the payer's wallet is on")


class Checked(BaseModel):
    """Nothing stands in its way, as of now."""

    ok: Literal[True] = True


class SignedAuthorization(BaseModel):
    """An EIP-3009 authorization of USDC, signed by the payer.

    Rail `authorization`: `ReceiveWithAuthorization` to the splitter, its nonce the hash of the terms.
    Rail `x402`: `TransferWithAuthorization` to the vault of what is paid for, any nonce.
    """

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    rail: GaslessRail
    chain_id: int = Field(description="`chainId` of the domain that was signed")
    payer: Address = Field(alias="from")
    to: Address | None = Field(default=None, description="as signed; checked when given")
    amount_micro_usdc: Amount
    valid_after: Uint256 = 0
    valid_before: Uint256
    nonce: Bytes32
    salt: Bytes32 | None = Field(default=None, description="rail `authorization` only: of the terms' hash")
    signature: Data
    creator_id: UUID | None = Field(default=None, description="whom the payer means to pay; checked when given")
    agent_id: UUID | None = Field(default=None, description="whom the payer means to pay; checked when given")

    @model_validator(mode="after")
    def _salt_belongs_to_its_rail(self) -> "SignedAuthorization":
        if (self.rail == "authorization") != (self.salt is not None):
            raise ValueError("salt is required by rail `authorization`, and unknown to rail `x402`")
        return self


class SubmittedAuthorization(SignedAuthorization):
    """An authorization that tips an episode."""

    episode_id: UUID


class Share(BaseModel):
    """One recipient's part of a tip."""

    role: Role
    account_id: UUID | None = Field(description="null for the platform, and for accounts that are not of this platform")
    amount_micro_usdc: Amount
    wallet: Address | None = Field(description="where it went; null while held")
    held: bool
    held_reason: HeldReason | None
    expires_at: datetime | None = Field(description="of a held share: claimable before, swept from then on")


class TipContribution(BaseModel):
    """One transfer into the vault that a flush split. The shares belong to the flush as a whole."""

    payer: Address = Field(serialization_alias="from")
    amount_micro_usdc: Amount
    tx_hash: Bytes32
    log_index: int
    counts_for_episode: bool
    not_counted_because: NotCounted | None


class Settlement(BaseModel):
    """Where the chain split it."""

    tx_hash: Bytes32
    log_index: int
    block_number: int
    block_hash: Bytes32
    block_time: datetime
    finality: Finality
    rail: OnchainRail


class Refusal(BaseModel):
    """Why a submitted authorization moved nothing."""

    code: str = Field(examples=["AUTHORIZATION_EXPIRED"])
    detail: str
    hint: str


class Tip(BaseModel):
    """A tip: one payment for one episode, or for what else may be paid for."""

    id: str = Field(
        examples=["0x" + "ab" * 32 + "-7"],
        description="`<tx_hash>-<log_index>` of its TipSplit, or the UUID under which an authorization was submitted",
    )
    status: Standing
    chain_id: int
    kind: str | None = Field(
        examples=["tip"], description="of payment; null when `ref` names nothing that is paid for on this platform"
    )
    payable_id: UUID | None = Field(description="what is paid for: of kind `tip`, the episode")
    episode_id: UUID | None = Field(description="null when `ref` names no episode of this platform")
    ref: Bytes32
    payer: Address | None = Field(description="null when it came by transfers: see `contributions`")
    amount_micro_usdc: Amount
    rail: Rail | Literal["flush"]
    shares: list[Share] = Field(description="empty until it is settled")
    contributions: list[TipContribution]
    counts_for_episode: bool
    not_counted_because: NotCounted | None
    counted_micro_usdc: Amount = Field(description="the part of the amount that counts for the episode")
    settlement: Settlement | None
    refusal: Refusal | None
    submitted_at: datetime | None
    tx_hash: Bytes32 | None = Field(description="the transaction that we sent for it, as far as there is one")
