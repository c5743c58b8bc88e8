"""What earnings, payouts and claims look like over HTTP."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api.payouts.queries import GroupBy, Kind
from api.wire import Address, Amount, Bytes32
from ledger.balances import Finality, WalletStatus

AccountRole = Literal["creator", "agent"]
ToDo = Literal["register_wallet", "claim", "wait", "wait_for_usdc", "expired"]
"""
- register_wallet: no wallet yet; once one is registered, the platform claims at once
- claim: `POST /payouts/claim`, or call `claim` on the splitter yourself
- wait: a claim is on its way
- wait_for_usdc: USDC blacklists the wallet; register another one, or be unlisted
- expired: it is the treasury's from now on
"""


class Payout(BaseModel):
    """One thing that happened to an account's money."""

    id: str = Field(examples=["0x" + "ab" * 32 + "-7"], description="`<tx_hash>-<log_index>` of its event")
    kind: Kind = Field(description="share: paid with the tip; held; claim: paid later; sweep: expired, to the treasury")
    account_id: UUID
    role: AccountRole | None = Field(description="null for claims and sweeps: a bucket may hold several shares")
    amount_micro_usdc: Amount
    wallet: Address | None = Field(description="where it went; null while held")
    episode_id: UUID | None
    held_reason: Literal["no_wallet", "blacklisted"] | None
    expires_at: datetime | None
    tx_hash: Bytes32
    log_index: int
    block_number: int
    block_time: datetime
    finality: Finality


class Unclaimed(BaseModel):
    """A bucket: what is held of one account with one expiry."""

    account_id: UUID
    amount_micro_usdc: Amount
    expires_at: datetime = Field(description="claimable strictly before, swept from then on; never extended")
    seconds_left: int = Field(description="by the chain's time")
    reasons: list[Literal["no_wallet", "blacklisted"]]
    episode_ids: list[UUID]
    refs: list[Bytes32]
    finality: Finality
    to_do: ToDo
    hint: str


class UnclaimedList(BaseModel):
    """All that is held for the caller's accounts, the first to expire first."""

    total_micro_usdc: Amount = Field(description="claimable: expired buckets are left out")
    data: list[Unclaimed]
    next_cursor: None = None


class Notice(BaseModel):
    """What an account was told of a bucket, at that moment."""

    account_id: UUID
    amount_micro_usdc: Amount = Field(description="held then; `GET /payouts/unclaimed` says what is held now")
    expires_at: datetime
    day: Literal[0, 7, 21, 27, 29] = Field(description="days since it was held; it is swept on day 30")
    created_at: datetime


class ClaimRequest(BaseModel):
    """Which buckets to claim; all live ones of all the caller's accounts when nothing is named."""

    model_config = ConfigDict(extra="forbid")

    account_id: UUID | None = None


class Claim(BaseModel):
    """A claim that we sent. Anyone may claim on-chain too: what was claimed, `GET /payouts` says from the ledger."""

    id: UUID
    account_id: UUID
    amount_micro_usdc: Amount = Field(description="what lay in the buckets when it was asked for")
    expiries: list[int] = Field(description="the buckets, by their expiry (unix seconds)")
    status: Literal["pending", "claimed", "refused"]
    claimed_micro_usdc: Amount = Field(description="what the ledger says reached the wallet from these buckets")
    finality: Finality | None = Field(description="of the claim, once the ledger has it")
    tx_hash: Bytes32 | None
    refusal: str | None
    requested_by_platform: bool = Field(description="a wallet was registered and the platform claimed on its behalf")
    created_at: datetime


class Claims(BaseModel):
    """One claim for each account that had something to claim."""

    data: list[Claim]
    next_cursor: None = None


class Earning(BaseModel):
    """One line of the earnings; CSV has the same columns."""

    key: str = Field(
        description="a day (UTC), a series, an episode, a role, a rail or a payer; `other` for refs of no episode of"
        " ours, and for flushes, whose transfers may come from many payers"
    )
    tips: int
    final_micro_usdc: Amount = Field(description="in blocks that are final")
    pending_micro_usdc: Amount = Field(description="in blocks that are not final yet")
    total_micro_usdc: Amount
    held_micro_usdc: Amount = Field(description="the part of the total that was held when tipped")


class Earnings(BaseModel):
    """What the caller's accounts earned."""

    group_by: GroupBy
    since: datetime | None
    until: datetime | None
    data: list[Earning]
    total: Earning = Field(description="of everything, also of what is on other pages")
    next_cursor: str | None = Field(
        default=None, description="by payer only: send it as `cursor`, with the same filters, for the next page"
    )


class StatementTotals(BaseModel):
    """earned = paid + held; opening held + held - claimed - swept = closing held; to the unit."""

    opening_held_micro_usdc: Amount = Field(description="what lay in the contract when the month began")
    earned_micro_usdc: Amount = Field(description="shares of the month's tips")
    paid_micro_usdc: Amount = Field(description="the part of it that went to the wallet with the tip")
    held_micro_usdc: Amount = Field(description="the part of it that was held")
    claimed_micro_usdc: Amount = Field(description="paid from what was held")
    swept_micro_usdc: Amount = Field(description="expired, and went to the treasury")
    closing_held_micro_usdc: Amount = Field(description="what lay there when the month ended, or lies there now")


class StatementAccount(StatementTotals):
    """One payout account of the statement."""

    account_id: UUID
    role: AccountRole
    agent_name: str | None


class StatementLine(BaseModel):
    """One line; CSV has the same columns. The first is the opening balance of what is held, the last the closing."""

    time: datetime = Field(description="UTC, of the block")
    kind: Literal["opening", "share", "held", "claim", "sweep", "closing"] = Field(
        description="share: paid with the tip; held; claim: paid later; sweep: expired, to the treasury"
    )
    account_id: UUID | None = None
    role: AccountRole | None = Field(default=None, description="null for claims and sweeps")
    series: str | None = Field(default=None, description="its title")
    episode: str | None = Field(default=None, description="its title; null for refs of no episode of ours")
    episode_id: UUID | None = None
    tip_micro_usdc: Amount | None = Field(default=None, description="the whole tip that this is a share of")
    amount_micro_usdc: Amount
    wallet: Address | None = Field(default=None, description="where it went; null while held")
    tx_hash: Bytes32 | None = None
    log_index: int | None = Field(default=None, description="of a share, also a held one: that of its TipSplit")
    block_number: int | None = None
    finality: Finality | None = None
    note: str | None = Field(default=None, description="of the balances: the statement's `status_detail`")


class Statement(BaseModel):
    """A month of the caller's accounts, UTC, by the chain's time."""

    month: str = Field(examples=["2026-11"])
    since: datetime
    until: datetime = Field(description="the first moment that is not of the month")
    status: Literal["final", "preliminary"] = Field(description="final: nothing in it can change any more")
    status_detail: str = Field(examples=["preliminary: 250000 micro-USDC not final yet; the month is not over"])
    not_final_micro_usdc: Amount = Field(description="of movements in blocks that are not final yet")
    as_of: datetime | None = Field(description="of a preliminary one: the chain's time up to which it tells")
    paid_by: Literal["Molt Studios"] = "Molt Studios"
    chain_id: int
    contract: Address = Field(description="the splitter, which pays the shares")
    usdc: Address
    accounts: list[StatementAccount]
    total: StatementTotals
    data: list[StatementLine]
    next_cursor: None = None


class PendingRotation(BaseModel):
    """A wallet change that waits."""

    wallet: Address
    ready_at: datetime
    vetoed: bool


class WalletAccount(BaseModel):
    """One payout account of the caller's. earned = paid + claimed + swept + unclaimed."""

    account_id: UUID
    role: AccountRole
    agent_name: str | None
    wallet: Address | None
    wallet_status: WalletStatus
    rotation: PendingRotation | None
    earned_micro_usdc: Amount
    paid_micro_usdc: Amount
    claimed_micro_usdc: Amount
    swept_micro_usdc: Amount
    unclaimed_micro_usdc: Amount
    pending_micro_usdc: Amount = Field(description="the part of what was earned in blocks that are not final yet")


class WalletSummary(BaseModel):
    """What the caller has, account by account."""

    accounts: list[WalletAccount]
    earned_micro_usdc: Amount
    received_micro_usdc: Amount = Field(description="paid with tips, and claimed")
    unclaimed_micro_usdc: Amount
