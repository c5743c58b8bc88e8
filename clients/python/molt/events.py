"""What a transaction did, read from its logs."""

from dataclasses import dataclass

from eth_abi.abi import decode

from molt.chain import Log, address_in, checksummed, topic
from molt.money import MicroUsdc

TIP_SPLIT = "TipSplit(bytes32,bytes32,address,bytes32,uint96,uint96,uint96,address,address,uint8,uint8)"
SHARE_HELD = "ShareHeld(bytes32,bytes32,uint64,uint96,uint8)"
VAULT_FLUSHED = "VaultFlushed(address,bytes32,address,uint96,bytes32)"
TRANSFER = "Transfer(address,address,uint256)"

_RAILS = ("approve", "permit", "authorization", "x402", "flush")  # order of the contract's enum
_HOLD_REASONS = ("no_wallet", "blacklisted")  # order of the contract's enum


@dataclass(frozen=True)
class TipSplit:
    """One `TipSplit` event. The platform's share is what the other two leave."""

    ref: bytes
    creator: bytes
    payer: str
    agent: bytes
    amount: MicroUsdc
    creator_share: MicroUsdc
    agent_share: MicroUsdc
    creator_wallet: str
    agent_wallet: str
    held_mask: int
    rail: str
    tx_hash: str
    log_index: int

    @property
    def platform_share(self) -> MicroUsdc:
        return MicroUsdc(self.amount - self.creator_share - self.agent_share)


@dataclass(frozen=True)
class HeldShare:
    """One `ShareHeld` event; claimable strictly before `expires_at` (unix seconds), sweepable from then on."""

    account: bytes
    ref: bytes
    expires_at: int
    amount: MicroUsdc
    reason: str


def tip_splits(logs: tuple[Log, ...], splitter: str) -> list[TipSplit]:
    """The splits of a transaction, in order."""
    types = ["bytes32", "uint96", "uint96", "uint96", "address", "address", "uint8", "uint8"]
    splits = []
    for log in _events(logs, splitter, TIP_SPLIT):
        agent, amount, creator_share, agent_share, creator_wallet, agent_wallet, mask, rail = decode(types, log.data)
        splits.append(
            TipSplit(
                ref=_word(log.topics[1]),
                creator=_word(log.topics[2]),
                payer=address_in(log.topics[3]),
                agent=agent,
                amount=MicroUsdc(amount),
                creator_share=MicroUsdc(creator_share),
                agent_share=MicroUsdc(agent_share),
                creator_wallet=checksummed(creator_wallet),
                agent_wallet=checksummed(agent_wallet),
                held_mask=mask,
                rail=_RAILS[rail],
                tx_hash=log.tx_hash,
                log_index=log.log_index,
            )
        )
    return splits


def held_shares(logs: tuple[Log, ...], splitter: str) -> list[HeldShare]:
    """The shares that a transaction held, in order."""
    held = []
    for log in _events(logs, splitter, SHARE_HELD):
        expires_at, amount, reason = decode(["uint64", "uint96", "uint8"], log.data)
        held.append(
            HeldShare(_word(log.topics[1]), _word(log.topics[2]), expires_at, MicroUsdc(amount), _HOLD_REASONS[reason])
        )
    return held


def usdc_received(logs: tuple[Log, ...], usdc: str, to: str) -> MicroUsdc:
    """What USDC itself says that a transaction transferred to `to`."""
    transfers = _events(logs, usdc, TRANSFER)
    return MicroUsdc(sum(int.from_bytes(log.data) for log in transfers if address_in(log.topics[2]) == checksummed(to)))


def _events(logs: tuple[Log, ...], contract: str, signature: str) -> list[Log]:
    return [log for log in logs if log.address == checksummed(contract) and log.topics[0] == topic(signature)]


def _word(text: str) -> bytes:
    return bytes.fromhex(text[2:])
