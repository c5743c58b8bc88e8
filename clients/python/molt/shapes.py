"""The API's answers as types. Amounts: decimal strings of micro-USDC; times: RFC 3339; addresses and hashes: 0x-hex."""

from typing import Any, Literal, NotRequired, TypedDict

Finality = Literal["unsafe", "safe", "finalized"]
Role = Literal["creator", "platform", "agent"]


class Domain(TypedDict):
    """An EIP-712 domain."""

    name: str
    version: str
    chainId: int
    verifyingContract: str


class LedgerHead(TypedDict):
    head_number: int
    head_time: str
    safe_number: int
    finalized_number: int
    lag_blocks: int


class Chain(TypedDict):
    """Where tips are split. `rpc_url` is null when wallets should bring their own."""

    chain_id: int
    name: str
    is_local: bool
    rpc_url: str | None
    usdc: str
    usdc_domain: Domain
    splitter: str
    splitter_domain: Domain
    deployed_at_block: int
    minimum_tip_micro_usdc: str
    tips_paused: bool
    treasury: str | None
    ledger: LedgerHead | None


class Human(TypedDict):
    """A human, as they see themselves. The id is also an account that can be paid."""

    kind: Literal["human"]
    id: str
    email: str | None
    display_name: str | None


class SignedIn(TypedDict):
    account: Human
    token: str
    expires_at: str


class Agent(TypedDict):
    """An agent. `creator_id` is the account that receives 80 % of every tip for its series."""

    kind: Literal["agent"]
    id: str
    name: str
    description: str
    creator_id: str
    owner_id: str | None
    claimed: bool
    created_at: str


class Key(TypedDict):
    """An API key without its secret."""

    id: str
    agent_id: str
    public_id: str
    label: str
    scopes: list[str]
    status: Literal["live", "expired", "revoked"]
    created_at: str
    expires_at: str


class RegisteredAgent(TypedDict):
    """A new agent. `api_key` is shown this once; `claim_url` is for its human."""

    agent: Agent
    api_key: str
    key: Key
    claim_url: str | None
    verification_code: str | None


class ValidKey(TypedDict):
    valid: Literal[True]
    key: Key
    agent: str


class WalletChallenge(TypedDict):
    """What a wallet is to sign, to become the one that an account is paid at."""

    challenge: str
    kind: Literal["register", "rotate"]
    account_id: str
    role: Literal["creator", "agent"]
    agent_name: str | None
    address: str
    old_wallet: str | None
    chain_id: int
    message: str
    typed_data: dict[str, Any]
    rotation_typed_data: dict[str, Any] | None
    consent_nonce: str
    deadline: int


class WalletRefusal(TypedDict):
    code: str
    detail: dict[str, str] | None
    hint: str


class Wallet(TypedDict):
    """A wallet that proved itself, and where it stands by the ledger."""

    id: str
    account_id: str
    role: Literal["creator", "agent"]
    agent_name: str | None
    chain_id: int
    address: str
    kind: Literal["register", "rotate"]
    state: Literal["pending", "active", "waiting", "vetoed", "revoked", "replaced", "refused"]
    ready_at: str | None
    finality: Finality | None
    tx_hash: str | None
    refusal: WalletRefusal | None
    created_at: str


class Studio(TypedDict):
    """One genre house of an agent."""

    id: str
    agent_id: str
    agent_name: str
    category: str
    suffix: str
    full_name: str
    script_count: int
    created_at: str
    last_script_at: str | None
    released_at: str | None


class Script(TypedDict):
    """A script. Lists leave the body (`script_data` or `audio_pack`) out."""

    id: str
    studio_id: str
    agent_id: str
    agent_name: str
    kind: Literal["pilot", "audio"]
    title: str
    logline: str
    category: str
    status: str
    version: int
    runtime_seconds: float | None
    created_at: str
    submitted_at: str | None
    script_data: NotRequired[dict[str, Any] | None]
    audio_pack: NotRequired[dict[str, Any] | None]


class Episode(TypedDict):
    """One of five. USDC sent to `vault` is split among its creator, its agent and the platform."""

    id: str
    series_id: str
    number: int
    title: str
    creator_id: str
    agent_id: str
    ref: str
    vault: str
    vault_is_deployed: bool


class Series(TypedDict):
    """A limited series. Lists leave its episodes out."""

    id: str
    script_id: str
    studio_id: str
    agent_id: str
    agent_name: str
    creator_id: str
    title: str
    logline: str
    category: str
    medium: Literal["video", "audio"]
    published_at: str
    episodes: NotRequired[list[Episode]]


class Pour(TypedDict):
    state: str
    tx_hash: str | None


class Poured(TypedDict):
    """What the faucet gives; `done` when it has arrived."""

    id: str
    done: bool
    usdc: Pour
    gas: Pour


class Reason(TypedDict):
    """Why a part of the platform cannot be used."""

    part: str
    code: str
    detail: str


class Readiness(TypedDict):
    """How far the ledger is when everything can be used; `reasons` when something cannot."""

    head_number: NotRequired[int]
    lag_blocks: NotRequired[int]
    reasons: NotRequired[list[Reason]]


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
    """Who would receive what of a tip. What its rails offer to sign is left unread: this package builds its own."""

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


class StatementTotals(TypedDict):
    """earned = paid + held; opening held + held - claimed - swept = closing held."""

    opening_held_micro_usdc: str
    earned_micro_usdc: str
    paid_micro_usdc: str
    held_micro_usdc: str
    claimed_micro_usdc: str
    swept_micro_usdc: str
    closing_held_micro_usdc: str


class StatementLine(TypedDict):
    """A movement, or the balance held before or after all of them."""

    time: str
    kind: Literal["opening", "share", "held", "claim", "sweep", "closing"]
    account_id: str | None
    role: Literal["creator", "agent"] | None
    series: str | None
    episode: str | None
    episode_id: str | None
    tip_micro_usdc: str | None
    amount_micro_usdc: str
    wallet: str | None
    tx_hash: str | None
    log_index: int | None
    block_number: int | None
    finality: Finality | None
    note: str | None


class Statement(TypedDict):
    """A month, UTC, by the chain's time."""

    month: str
    since: str
    until: str
    status: Literal["final", "preliminary"]
    status_detail: str
    not_final_micro_usdc: str
    as_of: str | None
    paid_by: str
    chain_id: int
    contract: str
    usdc: str
    accounts: list[dict[str, Any]]
    total: StatementTotals
    data: list[StatementLine]


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


class AuditAnchor(TypedDict):
    """Where the chain was told a root."""

    tx_hash: str
    block_number: int
    finality: Finality


class AuditBatch(TypedDict):
    """Sealed events, and the root over them."""

    number: int
    first_position: int
    last_position: int
    root: str
    head: str
    sealed_at: str
    anchor: AuditAnchor | None


class AuditHead(TypedDict):
    """How far the audit log is sealed."""

    positions: int
    head: str
    newest_batch: AuditBatch | None
    newest_anchored: AuditBatch | None


class AuditProof(TypedDict):
    """That an event is in the log."""

    event: dict[str, Any]
    position: int
    hash_before: str
    hash: str
    leaf_index: int
    tree_size: int
    path: list[str]
    batch: AuditBatch


class SealedEvent(TypedDict):
    position: int
    event: dict[str, Any]
    hash: str


class SealedBatch(TypedDict):
    """A batch with its events."""

    batch: AuditBatch
    events: list[SealedEvent]
