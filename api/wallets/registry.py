"""The registry on-chain, as it stands in the newest block: a challenge must fit it to the nonce."""

import time
from typing import Literal

from api import calldata
from api.node import Node
from ledger.deployment import Deployment

_STATUS: tuple[Literal["none", "active", "revoked"], ...] = ("none", "active", "revoked")


async def wallet_of(node: Node, deployment: Deployment, account_id: bytes) -> tuple[bytes, str]:
    """(wallet, none | active | revoked). Raises NodeUnavailable."""
    data = await node.call(deployment.splitter_bytes, calldata.call("walletOf(bytes32)", account_id))
    wallet, status = calldata.answer("address,uint8", data)
    return bytes.fromhex(wallet[2:]), _STATUS[status]


async def consent_nonce(node: Node, deployment: Deployment, account_id: bytes) -> int:
    """What the account's next consent signs. Raises NodeUnavailable."""
    data = await node.call(deployment.splitter_bytes, calldata.call("consentNonce(bytes32)", account_id))
    return int(calldata.answer("uint256", data))


async def now(node: Node) -> int:
    """The chain's time, unix seconds, or ours while no block comes. Raises NodeUnavailable."""
    return max(await node.time(), int(time.time()))


def can_be_wallet(deployment: Deployment, address: bytes) -> bool:
    """What we can say at once; the contract knows a few more."""
    return any(address) and address not in {deployment.usdc_bytes, deployment.splitter_bytes}


def confirm_rotation(account_id: bytes) -> bytes:
    """Calldata: anyone may send it once the 48 hours are over."""
    return calldata.call("confirmRotation(bytes32)", account_id)
