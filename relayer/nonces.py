"""Which nonce comes next, and which are missing. Pure: our table decides, the chain is asked whether it agrees."""

from collections.abc import Collection


class ChainReplaced(Exception):
    """This is not the chain that the outbox was sent on, though it has the same id."""

    def __str__(self) -> str:
        return (
            "RPC_URLS leads to another chain than this outbox was sent on (its genesis block differs), as after a reset"
            " of a local chain. Restore that chain, or start with an empty database (a new MOLT_HOME)."
        )


class ChainBehind(Exception):
    """The chain has forgotten transactions that it had called final."""

    def __init__(self, chain_nonce: int, settled_nonce: int) -> None:
        super().__init__(
            f"The chain expects nonce {chain_nonce} of this key, but nonce {settled_nonce - 1} was final: the chain was"
            " reset, or restored from an older copy. Restore the newer one, or start with an empty database"
            " (a new MOLT_HOME)."
        )


def check_same_chain(*, chain_nonce: int, settled_nonce: int, chain_genesis: bytes, lane_genesis: bytes) -> None:
    """`settled_nonce`: one more than the highest nonce whose outcome was final. Raises ChainReplaced, ChainBehind."""
    if chain_genesis != lane_genesis:
        raise ChainReplaced
    if chain_nonce < settled_nonce:
        raise ChainBehind(chain_nonce, settled_nonce)


def adopted(*, next_nonce: int, chain_nonce: int) -> int:
    """The next nonce to give out. The chain is ahead only when somebody else used the key: then we go on from there."""
    return max(next_nonce, chain_nonce)


def missing(*, chain_nonce: int, waiting: Collection[int], ours: Collection[int]) -> list[int]:
    """Nonces that the chain waits for, that block some of `waiting`, and that we never gave to a request.

    A foreign transaction left them behind (dropped from the pool, or reorganised away). `ours`: every nonce from
    `chain_nonce` on that belongs to a request, whatever its state.
    """
    if not waiting:
        return []
    return [nonce for nonce in range(chain_nonce, max(waiting)) if nonce not in ours]
