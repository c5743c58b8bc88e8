"""Whom a payment pays, and for what, as the contract is told it."""

from dataclasses import dataclass
from uuid import UUID

from api import calldata
from ledger import ids
from ledger.deployment import terms_nonce


@dataclass(frozen=True)
class Terms:
    """The three on-chain ids (32 bytes each): whom a payment pays, and for what. They make a vault, too."""

    creator_id: bytes
    agent_id: bytes
    ref: bytes

    def nonce(self, salt: bytes) -> bytes:
        """The EIP-3009 nonce that binds an authorization to these terms."""
        return terms_nonce(creator_id=self.creator_id, agent_id=self.agent_id, ref=self.ref, salt=salt)


def of(*, creator_id: UUID, agent_id: UUID, payable_id: UUID) -> Terms:
    """`payable_id`: of an episode, or of what else is paid for (`api.tips.kinds`)."""
    return Terms(ids.account_id(creator_id), ids.account_id(agent_id), ids.ref_id(payable_id))


def deploy_vaults(terms: list[Terms]) -> bytes:
    """Calldata: deploys those of the vaults that do not exist yet, in one transaction."""
    triples = [(t.creator_id, t.agent_id, t.ref) for t in terms]
    return calldata.call("deployVaults((bytes32,bytes32,bytes32)[])", triples)


def vault_of(terms: Terms) -> bytes:
    """Calldata of the view that answers the vault's address, deployed or not (CREATE2)."""
    return calldata.call("vaultOf(bytes32,bytes32,bytes32)", terms.creator_id, terms.agent_id, terms.ref)
