"""What the facts add up to. Start from `tip`, then `hold`; callers say `balances.held_buckets(session, …)`.

Every function reads at the session's snapshot: what `ledger.rollups` stored of final blocks, and the facts since then.
Amounts are micro-USDC, times UTC, ids and hashes 32 bytes, addresses 20. Each answer carries the finality of the newest
fact in it: `unsafe` may still be reorganised away, `finalized` may not.
"""

from ledger.balances.chain_state import (
    Head,
    Status,
    blocks_between,
    differs,
    final_time,
    head,
    min_tip,
    paused,
    treasury,
)
from ledger.balances.earning import EARNED_LINES, Earning, Payout, Role, earnings, line_parameters, payouts
from ledger.balances.finality import Finality
from ledger.balances.hold import HeldBucket, expired_buckets, held_buckets, live_buckets
from ledger.balances.origin import EarnedBy, earned_by_payer, earned_by_rail
from ledger.balances.tip import Rail, Tip, tip_by_log, tips, tips_by_tx
from ledger.balances.vault import AuthorizationUse, VaultBalance, authorization, vault_balances, vaults_to_flush
from ledger.balances.wallet import PendingRotation, WalletState, WalletStatus, accounts_of_wallet, wallet_of
from ledger.facts import AGENT_HELD, CREATOR_HELD, PLATFORM_HELD

__all__ = [
    "AGENT_HELD",
    "CREATOR_HELD",
    "EARNED_LINES",
    "PLATFORM_HELD",
    "AuthorizationUse",
    "EarnedBy",
    "Earning",
    "Finality",
    "Head",
    "HeldBucket",
    "Payout",
    "PendingRotation",
    "Rail",
    "Role",
    "Status",
    "Tip",
    "VaultBalance",
    "WalletState",
    "WalletStatus",
    "accounts_of_wallet",
    "authorization",
    "blocks_between",
    "differs",
    "earned_by_payer",
    "earned_by_rail",
    "earnings",
    "expired_buckets",
    "final_time",
    "head",
    "held_buckets",
    "line_parameters",
    "live_buckets",
    "min_tip",
    "paused",
    "payouts",
    "tip_by_log",
    "tips",
    "tips_by_tx",
    "treasury",
    "vault_balances",
    "vaults_to_flush",
    "wallet_of",
]
