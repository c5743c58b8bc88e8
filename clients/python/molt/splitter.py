"""What is said to TipSplitter and USDC: ids, calldata, views. `typed_data` is what is signed, `events` what came of it.

Built here and not taken from the server, so that a wallet sends only what its user asked for. The names are those of
`ITipSplitter.sol`; the tests compare selectors with the committed ABI.
"""

from dataclasses import dataclass
from typing import Literal, get_args
from uuid import UUID

from eth_utils.crypto import keccak

from molt.chain import Rpc, calldata, checksummed
from molt.money import MicroUsdc
from molt.shapes import Chain, Domain, Episode

Rail = Literal["approve", "permit", "authorization", "x402", "transfer"]
RAILS: tuple[Rail, ...] = get_args(Rail)

_ERRORS = (
    "TipBelowMinimum(uint256,uint256)",
    "AmountTooLarge(uint256,uint256)",
    "VaultBelowMinimum(address,uint256,uint256)",
    "ReservedAccount(bytes32)",
    "TipsPaused()",
    "TransferFailed(address,uint256)",
    "NothingToClaim(bytes32)",
    "NothingToSweep(bytes32)",
    "NoVerifiedWallet(bytes32)",
    "WalletAlreadySet(bytes32,address)",
    "InvalidWallet(address)",
    "InvalidWalletSignature(address)",
    "ConsentExpired(uint256,uint256)",
    "NotTheWallet(address,address)",
)
ERROR_NAMES = {
    keccak(text=signature)[:4]: (signature[: signature.index("(")], signature[signature.index("(") + 1 : -1])
    for signature in _ERRORS
}


@dataclass(frozen=True)
class Deployment:
    """What `GET /api/v1/chain` says, as far as a wallet needs it."""

    chain_id: int
    usdc: str
    usdc_domain: dict[str, str]  # name, version
    splitter: str
    splitter_domain: dict[str, str]

    @classmethod
    def of(cls, chain: Chain) -> "Deployment":
        return cls(
            chain_id=chain["chain_id"],
            usdc=chain["usdc"],
            usdc_domain=_name_and_version(chain["usdc_domain"]),
            splitter=chain["splitter"],
            splitter_domain=_name_and_version(chain["splitter_domain"]),
        )


@dataclass(frozen=True)
class Terms:
    """Whom a tip pays, for what. All three are 32-byte ids."""

    creator: bytes
    agent: bytes
    ref: bytes

    @classmethod
    def of(cls, episode: Episode) -> "Terms":
        return cls(account_id(episode["creator_id"]), account_id(episode["agent_id"]), account_id(episode["id"]))

    @property
    def creator_uuid(self) -> str:
        return str(UUID(bytes=self.creator[-16:]))

    @property
    def agent_uuid(self) -> str:
        return str(UUID(bytes=self.agent[-16:]))

    @property
    def episode_uuid(self) -> str:
        return str(UUID(bytes=self.ref[-16:]))


def account_id(uuid: str | UUID) -> bytes:
    """A platform UUID as the contract's id: left-padded to 32 bytes."""
    return UUID(str(uuid)).int.to_bytes(32, "big")


# ------------------------------------------------------------------------------------------------------------- calldata


def approve_call(spender: str, amount: int) -> str:
    return calldata("approve(address,uint256)", spender, amount)


def transfer_call(to: str, amount: int) -> str:
    return calldata("transfer(address,uint256)", to, amount)


def tip_call(terms: Terms, amount: int) -> str:
    return calldata("tip(bytes32,bytes32,uint256,bytes32)", terms.creator, terms.agent, amount, terms.ref)


def tip_with_permit_call(terms: Terms, amount: int, deadline: int, signature: bytes) -> str:
    name = "tipWithPermit(bytes32,bytes32,uint256,bytes32,uint256,bytes)"
    return calldata(name, terms.creator, terms.agent, amount, terms.ref, deadline, signature)


def flush_call(terms: Terms) -> str:
    return calldata("flush(bytes32,bytes32,bytes32)", terms.creator, terms.agent, terms.ref)


def sweep_call(account: bytes, expiries: list[int]) -> str:
    return calldata("sweep(bytes32,uint64[])", account, expiries)


# ---------------------------------------------------------------------------------------------------------------- views


def vault_of(rpc: Rpc, chain: Deployment, terms: Terms) -> str:
    ids = (terms.creator, terms.agent, terms.ref)
    return checksummed(rpc.read(chain.splitter, "vaultOf(bytes32,bytes32,bytes32)", ids, returns="address"))


def wallet_of(rpc: Rpc, chain: Deployment, account: bytes) -> str:
    """Where the registry pays the account; the zero address without a wallet."""
    wallet, _status = rpc.read(chain.splitter, "walletOf(bytes32)", (account,), returns="address,uint8")
    return checksummed(wallet)


def usdc_balance(rpc: Rpc, chain: Deployment, address: str) -> MicroUsdc:
    return MicroUsdc(rpc.read(chain.usdc, "balanceOf(address)", (address,), returns="uint256"))


def held_in(rpc: Rpc, chain: Deployment, account: bytes, expires_at: int) -> MicroUsdc:
    return MicroUsdc(rpc.read(chain.splitter, "held(bytes32,uint64)", (account, expires_at), returns="uint256"))


def _name_and_version(domain: Domain) -> dict[str, str]:
    return {"name": domain["name"], "version": domain["version"]}
