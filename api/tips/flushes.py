"""Plain transfers: what lies in a vault of something that is paid for here is split, by a flush that we pay for."""

import structlog
from sqlalchemy import text

from api.db import WriteSession
from api.production.terms import Terms
from api.tips import kinds, queries, rails
from api.wire import address_text
from ledger import balances
from ledger.balances import VaultBalance
from ledger.deployment import Deployment
from relayer import outbox

log = structlog.get_logger(__name__)


async def flush_vaults(session: WriteSession, deployment: Deployment) -> int:
    """Asks the relayer to flush every vault of ours that holds a tip or more; answers how many.

    Once for each newest transfer into a vault, and once more a day while a refused flush leaves money there. Vaults
    that others deployed, for accounts of their own, they may flush themselves.
    """
    minimum = await balances.min_tip(session, deployment.chain_id)
    if minimum is None:
        return 0
    full = [v for v in await balances.vaults_to_flush(session, deployment.chain_id) if v.amount_micro_usdc >= minimum]
    payables = await kinds.of_refs(session, [vault.ref for vault in full])
    asked = 0
    for vault in full:
        terms, payable = Terms(vault.creator_id, vault.agent_id, vault.ref), payables.get(vault.ref)
        if payable is not None and payable.terms == terms:
            asked += await _flush(session, deployment, vault, terms)
    return asked


async def _flush(session: WriteSession, deployment: Deployment, vault: VaultBalance, terms: Terms) -> bool:
    newest = await queries.newest_transfer_into(session, deployment.chain_id, vault.vault)
    if newest is None:
        return False
    block_hash, log_index = newest
    today = await session.scalar(text("SELECT current_date"))
    key = f"flush:{deployment.chain_id}:{vault.vault.hex()}:{block_hash.hex()}:{log_index}:{today}"
    if await outbox.status_of_act(session, key) is not None:
        return False
    await outbox.enqueue(
        session,
        key="relayer",
        to=deployment.splitter_bytes,
        data=rails.flush(terms),
        purpose="flush_vault",
        dedupe_key=key,
    )
    log.info("flush_requested", vault=address_text(vault.vault), amount_micro_usdc=vault.amount_micro_usdc)
    return True
