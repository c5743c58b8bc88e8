"""What USDC says now of an address or an authorization. Every function raises NodeUnavailable when no node answers."""

import asyncio
from collections.abc import Sequence
from typing import Any, Literal

from eth_utils.crypto import keccak

from api import calldata
from api.node import Node, NodeUnavailable
from api.tips.quote import Payer
from ledger.deployment import Deployment
from ledger.money import MAX_TIP, MicroUsdc

Spent = Literal["used", "cancelled", "unknown"]

_USED = keccak(text="AuthorizationUsed(address,bytes32)")
_CANCELLED = keccak(text="AuthorizationCanceled(address,bytes32)")


async def is_blacklisted(node: Node, deployment: Deployment, address: bytes) -> bool:
    return bool(await _view(node, deployment, "isBlacklisted(address)", address, returns="bool"))


async def payer(node: Node, deployment: Deployment, address: bytes) -> Payer:
    balance, allowance, nonce, blacklisted = await asyncio.gather(
        balance_of(node, deployment, address),
        _view(node, deployment, "allowance(address,address)", address, deployment.splitter_bytes, returns="uint256"),
        _view(node, deployment, "nonces(address)", address, returns="uint256"),
        is_blacklisted(node, deployment, address),
    )
    return Payer(address=address, balance=balance, allowance=allowance, permit_nonce=nonce, blacklisted=blacklisted)


async def balance_of(node: Node, deployment: Deployment, address: bytes) -> MicroUsdc:
    balance = await _view(node, deployment, "balanceOf(address)", address, returns="uint256")
    return MicroUsdc(min(int(balance), MAX_TIP))


async def how_spent(node: Node, deployment: Deployment, *, authorizer: bytes, nonce: bytes) -> Spent | None:
    """None: neither used nor cancelled. `used` says nothing of whom it paid; `unknown`: its log was not found."""
    signature = "authorizationState(address,bytes32)"
    if not await _view(node, deployment, signature, authorizer, nonce, returns="bool"):
        return None
    topics: list[Sequence[bytes] | bytes] = [[_USED, _CANCELLED], authorizer.rjust(32, b"\0"), nonce]
    try:
        logs = await node.logs(deployment.usdc_bytes, topics, from_block=deployment.deployed_at_block)
    except NodeUnavailable:
        return "unknown"
    if not logs:
        return "unknown"
    return "used" if logs[0].topics[0] == _USED else "cancelled"


async def _view(node: Node, deployment: Deployment, signature: str, *arguments: Any, returns: str) -> Any:
    return calldata.answer(returns, await node.call(deployment.usdc_bytes, calldata.call(signature, *arguments)))
