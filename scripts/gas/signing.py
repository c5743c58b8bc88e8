"""What payers and wallets sign, by a key or by a Safe's owners, of USDC's typed data and of the registry's."""

from typing import Any

from eth_account.signers.local import LocalAccount

from deploy.local import chain
from tests.builders.safes import Safe

Signer = LocalAccount | Safe
FAR = 2**40
"""A deadline, unix seconds."""

_DOMAIN = "name:string version:string chainId:uint256 verifyingContract:address"
_PERMIT = "owner:address spender:address value:uint256 nonce:uint256 deadline:uint256"
_AUTHORIZATION = "from:address to:address value:uint256 validAfter:uint256 validBefore:uint256 nonce:bytes32"
_CONSENT = "accountId:bytes32 wallet:address nonce:uint256 deadline:uint256"
_ROTATION = "accountId:bytes32 oldWallet:address newWallet:address nonce:uint256 deadline:uint256"


def permit(owner: Signer, spender: str, amount: int, nonce: int) -> bytes:
    message = {"owner": owner.address, "spender": spender, "value": amount, "nonce": nonce, "deadline": FAR}
    return _sign(owner, _usdc(), "Permit", _PERMIT, message)


def authorization(payer: Signer, kind: str, to: str, amount: int, nonce: bytes) -> bytes:
    """`kind`: ReceiveWithAuthorization or TransferWithAuthorization."""
    message = {"from": payer.address, "to": to, "value": amount, "validAfter": 0, "validBefore": FAR, "nonce": nonce}
    return _sign(payer, _usdc(), kind, _AUTHORIZATION, message)


def consent(wallet: Signer, splitter: str, account_id: bytes, nonce: int) -> bytes:
    message = {"accountId": account_id, "wallet": wallet.address, "nonce": nonce, "deadline": FAR}
    return _sign(wallet, _ours(splitter), "WalletConsent", _CONSENT, message)


def rotation(old: Signer, new: Signer, splitter: str, account_id: bytes, nonce: int) -> bytes:
    message = {
        "accountId": account_id,
        "oldWallet": old.address,
        "newWallet": new.address,
        "nonce": nonce,
        "deadline": FAR,
    }
    return _sign(old, _ours(splitter), "WalletRotation", _ROTATION, message)


def _usdc() -> dict[str, Any]:
    return {"name": "USDC", "version": "2", "chainId": chain.CHAIN_ID, "verifyingContract": chain.USDC}


def _ours(splitter: str) -> dict[str, Any]:
    return {"name": "Molt Studios", "version": "1", "chainId": chain.CHAIN_ID, "verifyingContract": splitter}


def _sign(signer: Signer, domain: dict[str, Any], kind: str, fields: str, message: dict[str, Any]) -> bytes:
    types = {"EIP712Domain": _named(_DOMAIN), kind: _named(fields)}
    typed = {"types": types, "primaryType": kind, "domain": domain, "message": message}
    if isinstance(signer, Safe):
        return bytes.fromhex(signer.sign(typed)[2:])
    return bytes(signer.sign_typed_data(full_message=typed).signature)


def _named(fields: str) -> list[dict[str, str]]:
    return [dict(zip(("name", "type"), field.split(":"), strict=True)) for field in fields.split()]
