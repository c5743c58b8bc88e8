"""Where the contracts stand on a chain, what they look like, and what is signed for them."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, cast

from eth_hash.backends.pysha3 import keccak256

if TYPE_CHECKING:  # eth-utils and eth-typing would be a tenth of the time that the indexer takes to start
    from eth_typing import ChecksumAddress

_CONTRACTS = Path(__file__).resolve().parent.parent / "contracts"
_TERMS_TYPEHASH = keccak256(b"TipTerms(bytes32 creatorId,bytes32 agentId,bytes32 ref,bytes32 salt)")

ContractName = Literal["TipSplitter", "TipVault", "FiatTokenV2_2"]


class NotDeployed(Exception):
    """The splitter is not deployed on this chain."""


class DeploymentUnreadable(Exception):
    """The deployment file is missing or is not what it should be."""


class TypedDataDomain(TypedDict):
    """An EIP-712 domain as eth-account, viem and wallets take it."""

    name: str
    version: str
    chainId: int
    verifyingContract: "ChecksumAddress"


@dataclass(frozen=True)
class Deployment:
    """The contracts of one chain."""

    chain_id: int
    usdc: "ChecksumAddress"
    usdc_domain: TypedDataDomain
    splitter: "ChecksumAddress"
    splitter_domain: TypedDataDomain
    deployed_at_block: int
    """No event of ours is older, so a rebuild starts here."""
    deployment_tx: str | None

    @property
    def usdc_bytes(self) -> bytes:
        return bytes.fromhex(self.usdc[2:])

    @property
    def splitter_bytes(self) -> bytes:
        return bytes.fromhex(self.splitter[2:])


def load(chain_id: int, file: Path | None = None) -> Deployment:
    """Reads `file`, or `contracts/deployments/<chain_id>.json`.

    Raises DeploymentUnreadable (no such file, another chain's, a field missing) and NotDeployed.
    """
    path = file or _CONTRACTS / "deployments" / f"{chain_id}.json"
    try:
        found = json.loads(path.read_text())
        if int(found["chainId"]) != chain_id:
            raise DeploymentUnreadable(f"{path} is of chain {found['chainId']}, not {chain_id}; see CHAIN_ID")
        if not found.get("splitter"):
            raise NotDeployed(f"{path} names no splitter: deploy the contracts first (see docs/deploying.md)")
        return _parse(found)
    except FileNotFoundError as error:
        raise DeploymentUnreadable(f"{path} does not exist; set DEPLOYMENT_FILE or CHAIN_ID") from error
    except (KeyError, TypeError, ValueError) as error:
        raise DeploymentUnreadable(f"{path} is not a deployment: {error!r}") from error


@cache
def abi(contract: ContractName) -> list[dict[str, Any]]:
    """The committed ABI. Raises DeploymentUnreadable when it was never exported (`make abi`)."""
    path = _CONTRACTS / "abi" / f"{contract}.json"
    try:
        entries: list[dict[str, Any]] = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise DeploymentUnreadable(f"{path} does not exist: run `make abi`") from error
    return entries


def terms_nonce(*, creator_id: bytes, agent_id: bytes, ref: bytes, salt: bytes) -> bytes:
    """The EIP-3009 nonce that binds a gasless tip to its terms; the contract's `termsNonce` answers the same."""
    words = [_TERMS_TYPEHASH, creator_id, agent_id, ref, salt]
    if any(len(word) != 32 for word in words):  # noqa: PLR2004 - bytes32
        raise ValueError("each of the terms is 32 bytes")
    return keccak256(b"".join(words))


def checksummed(address: str) -> "ChecksumAddress":
    """The address with the case of its letters as a checksum (EIP-55). Raises ValueError for what is no address."""
    digits = address.removeprefix("0x").lower()
    if len(bytes.fromhex(digits)) != 20:  # noqa: PLR2004 - bytes of an address
        raise ValueError(f"{address} is no address")
    check = keccak256(digits.encode()).hex()
    letters = (digit.upper() if by in "89abcdef" else digit for digit, by in zip(digits, check, strict=False))
    return cast("ChecksumAddress", "0x" + "".join(letters))


def _parse(found: dict[str, Any]) -> Deployment:
    chain_id = int(found["chainId"])
    usdc, splitter = checksummed(found["usdc"]), checksummed(found["splitter"])
    return Deployment(
        chain_id=chain_id,
        usdc=usdc,
        usdc_domain=_domain(found["usdcDomain"], chain_id, usdc),
        splitter=splitter,
        splitter_domain=_domain(found["splitterDomain"], chain_id, splitter),
        deployed_at_block=int(found["deployedAtBlock"]),
        deployment_tx=found.get("deploymentTx"),
    )


def _domain(named: dict[str, str], chain_id: int, contract: "ChecksumAddress") -> TypedDataDomain:
    return TypedDataDomain(name=named["name"], version=named["version"], chainId=chain_id, verifyingContract=contract)
