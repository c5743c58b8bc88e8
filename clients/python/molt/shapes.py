"""The API's answers as types. Amounts are decimal strings of micro-USDC; times are RFC 3339; addresses and hashes 0x-hex."""

from typing import Any, Literal, NotRequired, TypedDict

Finality = Literal["unsafe", "safe", "finalized"]
Role = Literal["creator", "platform", "agent"]


class QuotedShare(TypedDict):
    """One recipient's part of a tip that is not paid yet."""

    role: Role
    account_id: str | None
    amount_micro_usdc: str
    wallet: str | None
    held: bool
    held_reason: str | None
    note: str | None


class QuoteProblem(TypedDict):
    """Something that would make the tip fail; `rail` is null when it is in the way of all."""

    code: str
    rail: str | None
    detail: str
    hint: str


class TipQuote(TypedDict):
    """Who would receive what of a tip. What the rails offer to sign is left unread here: this package builds its own."""

    episode_id: str
    series_id: str
    chain_id: int
    usdc: str
    splitter: str
    vault: str
    creator_id: str
    agent_id: str
    ref: str
    amount_micro_usdc: str
    minimum_micro_usdc: str
    suggested_micro_usdc: str
    shares: list[QuotedShare]
    payer: str | None
    problems: list[QuoteProblem]
    rails: dict[str, Any]


class Share(TypedDict):
    """One recipient's part of a tip. `wallet` is null while it is held; `expires_at` is set then."""

    role: Role
    account_id: str | None
    amount_micro_usdc: str
    wallet: str | None
    held: bool
    held_reason: str | None
    expires_at: str | None


class Settlement(TypedDict):
    """Where the chain split it."""

    tx_hash: str
    log_index: int
    block_number: int
    block_hash: str
    block_time: str
    finality: Finality
    rail: str


class Refusal(TypedDict):
    """Why a submitted authorization moved nothing."""

    code: str
    detail: str
    hint: str


class Tip(TypedDict):
    """One payment for one episode."""

    id: str
    status: Literal["pending", "settled", "refused"]
    chain_id: int
    episode_id: str | None
    ref: str
    payer: str | None
    amount_micro_usdc: str
    rail: str
    shares: list[Share]
    counts_for_episode: bool
    not_counted_because: str | None
    settlement: Settlement | None
    refusal: Refusal | None
    tx_hash: str | None
    contributions: NotRequired[list[dict[str, Any]]]


class TipPage(TypedDict):
    data: list[Tip]
    next_cursor: str | None


class Payout(TypedDict):
    """One thing that happened to an account's money: a share paid or held with a tip, a claim, a sweep."""

    id: str
    kind: Literal["share", "held", "claim", "sweep"]
    account_id: str
    role: Literal["creator", "agent"] | None
    amount_micro_usdc: str
    wallet: str | None
    episode_id: str | None
    held_reason: str | None
    expires_at: str | None
    tx_hash: str
    log_index: int
    block_number: int
    block_time: str
    finality: Finality


class PayoutPage(TypedDict):
    data: list[Payout]
    next_cursor: str | None


class Unclaimed(TypedDict):
    """What is held of one account with one expiry."""

    account_id: str
    amount_micro_usdc: str
    expires_at: str
    seconds_left: int
    reasons: list[str]
    episode_ids: list[str]
    finality: Finality
    to_do: str
    hint: str


class UnclaimedList(TypedDict):
    total_micro_usdc: str
    data: list[Unclaimed]


class Claim(TypedDict):
    """A claim that the platform sent."""

    id: str
    account_id: str
    amount_micro_usdc: str
    expiries: list[int]
    status: Literal["pending", "claimed", "refused"]
    claimed_micro_usdc: str
    finality: Finality | None
    tx_hash: str | None
    refusal: str | None
    requested_by_platform: bool


class Claims(TypedDict):
    data: list[Claim]


class Earning(TypedDict):
    """One line of the earnings."""

    key: str
    tips: int
    final_micro_usdc: str
    pending_micro_usdc: str
    total_micro_usdc: str
    held_micro_usdc: str


class Earnings(TypedDict):
    group_by: str
    since: str | None
    until: str | None
    data: list[Earning]
    total: Earning


class WalletAccount(TypedDict):
    """One payout account. earned = paid + claimed + swept + unclaimed."""

    account_id: str
    role: Literal["creator", "agent"]
    agent_name: str | None
    wallet: str | None
    wallet_status: str
    rotation: dict[str, Any] | None
    earned_micro_usdc: str
    paid_micro_usdc: str
    claimed_micro_usdc: str
    swept_micro_usdc: str
    unclaimed_micro_usdc: str
    pending_micro_usdc: str


class WalletSummary(TypedDict):
    accounts: list[WalletAccount]
    earned_micro_usdc: str
    received_micro_usdc: str
    unclaimed_micro_usdc: str
