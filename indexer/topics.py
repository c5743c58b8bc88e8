"""The first topic of each event that is read: keccak of its signature, 0x-hex."""

from eth_hash.backends.pysha3 import keccak256


def topic_of(signature: str) -> str:
    return "0x" + keccak256(signature.encode()).hex()


TIP_SPLIT = topic_of("TipSplit(bytes32,bytes32,address,bytes32,uint96,uint96,uint96,address,address,uint8,uint8)")
SHARE_HELD = topic_of("ShareHeld(bytes32,bytes32,uint64,uint96,uint8)")
SHARE_CLAIMED = topic_of("ShareClaimed(bytes32,address,uint64,uint96)")
SHARE_SWEPT = topic_of("ShareSwept(bytes32,address,uint64,uint96)")
WALLET_SET = topic_of("WalletSet(bytes32,address,address)")
WALLET_ROTATION_STARTED = topic_of("WalletRotationStarted(bytes32,address,address,uint64)")
WALLET_ROTATION_CANCELLED = topic_of("WalletRotationCancelled(bytes32,address,address)")
WALLET_REVOKED = topic_of("WalletRevoked(bytes32,address)")
VAULT_DEPLOYED = topic_of("VaultDeployed(address,bytes32,bytes32,bytes32)")
VAULT_FLUSHED = topic_of("VaultFlushed(address,bytes32,address,uint96,bytes32)")

TRANSFER = topic_of("Transfer(address,address,uint256)")
AUTHORIZATION_USED = topic_of("AuthorizationUsed(address,bytes32)")
