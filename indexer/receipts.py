"""What proves that nothing was left out: all receipts of a block have the root that its header names.

The root is that of a Merkle-Patricia trie from `rlp(index)` to each receipt as EIP-2718 encodes it (yellow paper, 4.3.2
and appendix D; EIP-658, 2930, 1559, 4844, 7702; deposits of OP-stack chains: specs.optimism.io, "deposit receipt").
It covers each log's address, topics and data, and their order. Everything is joined as hex, which is how nodes give it,
and turned into bytes once a receipt. Proven equal to the `trie` library. Pure.
"""

from collections.abc import Sequence
from functools import lru_cache

from eth_hash.backends.pysha3 import keccak256 as keccak

from indexer.chain import Header, Log, Receipt
from indexer.proof import BadAnswer

_ADDRESS, _WORD, _BLOOM = 42, 66, 514
"""Characters, with `0x`."""
_DEPOSIT = 0x7E
_HIGHEST_TYPE = 0x7F
_HASH_BYTES = 32
_STRING, _LIST, _SHORT = 0x80, 0xC0, 55
_ADDRESS_HEAD, _WORD_HEAD = "94", "a0"
"""Of strings of 20 and of 32 bytes."""

Pair = tuple[str, bytes]
"""Key in nibbles, value."""


def check_root(header: Header, receipts: Sequence[Receipt]) -> None:
    """These are all receipts of the block, and each log in them stands where it says.

    What the root does not cover is compared with what it does: places, block, and that a transaction's logs name it.
    Hex must be in lower case, so that what is proven here and what is compared elsewhere are the same strings.
    Raises BadAnswer.
    """
    try:
        found = "0x" + root(receipts).hex()
        _places_are_right(header, receipts)
    except ValueError as error:
        raise BadAnswer(f"receipts of block {header.height} are not proper hex: {error}") from error
    if found != header.receipts_root:
        raise BadAnswer(f"receipts of block {header.height} have the root {found}, not {header.receipts_root}")


def root(receipts: Sequence[Receipt]) -> bytes:
    """Of the receipts in this order. Raises ValueError for hex that is not what JSON-RPC asks for."""
    pairs = [(_string(_quantity(hex(index))), _encoded(receipt)) for index, receipt in enumerate(receipts)]
    return keccak(_node(sorted(pairs), 0)) if pairs else keccak(bytes([_STRING]))


def _places_are_right(header: Header, receipts: Sequence[Receipt]) -> None:
    next_log = 0
    for index, receipt in enumerate(receipts):
        if int(receipt.transaction_index, 16) != index:
            raise BadAnswer(f"receipt {index} of block {header.height} says that it is {receipt.transaction_index}")
        for log in receipt.logs:
            if (
                log.removed
                or log.block_hash != header.hash
                or log.transaction_hash != receipt.transaction_hash
                or log.block_number != header.number
                or int(log.log_index, 16) != next_log
            ):
                raise BadAnswer(f"log {next_log} of block {header.height} is not where its receipt is")
            next_log += 1
    if len({receipt.transaction_hash for receipt in receipts}) != len(receipts):
        raise BadAnswer(f"two receipts of block {header.height} are of the same transaction")


# ------------------------------------------------------------------------------------------------------------ receipts


def _encoded(receipt: Receipt) -> bytes:
    kind = int(receipt.type, 16)
    outcome = _quantity(receipt.status) if receipt.status is not None else _data(receipt.root, _WORD)
    fields = [
        _string(outcome),
        _string(_quantity(receipt.cumulative_gas_used)),
        _string(_data(receipt.logs_bloom, _BLOOM)),
        _list("".join([_log(log) for log in receipt.logs])),
    ]
    if kind == _DEPOSIT and receipt.deposit_receipt_version is not None:  # before Canyon the nonce was left out too
        since = (receipt.deposit_nonce, receipt.deposit_receipt_version)
        fields += [_string(_quantity(value)) for value in since if value is not None]
    if not 0 <= kind <= _HIGHEST_TYPE:
        raise ValueError(f"there is no receipt of type {receipt.type}")
    encoded = (f"{kind:02x}" if kind else "") + _list("".join(fields))
    result = bytes.fromhex(encoded)
    if result.hex() != encoded:  # `fromhex` takes capitals, and spaces between bytes
        raise ValueError("capitals or spaces in it")
    return result


def _log(log: Log) -> str:
    """By hand what `_string` and `_list` would do: here is nearly all the work."""
    address, topics, data = log.address, log.topics, _data(log.data)
    if len(address) != _ADDRESS or address[:2] != "0x":
        raise ValueError(f"{address[:80]!r}")
    words = ""
    for topic in topics:
        if len(topic) != _WORD or topic[:2] != "0x":
            raise ValueError(f"{topic[:80]!r}")
        words += _WORD_HEAD + topic[2:]
    value = _WORD_HEAD + data if len(data) == 2 * _HASH_BYTES else _string(data)
    return _list(f"{_ADDRESS_HEAD}{address[2:]}{_list(words)}{value}")


def _data(value: str | None, characters: int | None = None) -> str:
    if value is None or value[:2] != "0x" or len(value) % 2 or (characters and len(value) != characters):
        raise ValueError(f"{str(value)[:80]!r}")
    return value[2:]


def _quantity(value: str) -> str:
    """Without leading zeros; nothing for zero."""
    number = int(value, 16)
    digits = f"{number:x}" if number else ""
    return "0" + digits if len(digits) % 2 else digits


# ----------------------------------------------------------------------------------------------------------------- RLP


def _string(digits: str) -> str:
    size = len(digits) // 2
    return digits if size == 1 and int(digits, 16) < _STRING else _head(size, _STRING) + digits


def _list(digits: str) -> str:
    return _head(len(digits) // 2, _LIST) + digits


@lru_cache(4096)
def _head(size: int, kind: int) -> str:
    if size <= _SHORT:
        return f"{kind + size:02x}"
    length = _quantity(hex(size))
    return f"{kind + _SHORT + len(length) // 2:02x}{length}"


# ---------------------------------------------------------------------------------------------------------------- trie


def _node(pairs: Sequence[Pair], depth: int) -> bytes:
    """The node over sorted pairs that share `depth` nibbles. No key begins with another: RLP ends itself."""
    first, last = pairs[0][0], pairs[-1][0]
    if len(pairs) == 1:
        return _bytes_list(_path(first[depth:], leaf=True), _as_string(pairs[0][1]))
    fork = depth
    while first[fork] == last[fork]:
        fork += 1
    children: list[list[Pair]] = [[] for _ in range(16)]
    for pair in pairs:
        children[int(pair[0][fork], 16)].append(pair)
    none = bytes([_STRING])
    branch = _bytes_list(*(_reference(_node(each, fork + 1)) if each else none for each in children), none)
    return branch if fork == depth else _bytes_list(_path(first[depth:fork], leaf=False), _reference(branch))


def _reference(node: bytes) -> bytes:
    return node if len(node) < _HASH_BYTES else bytes([_STRING + _HASH_BYTES]) + keccak(node)


def _path(nibbles: str, *, leaf: bool) -> bytes:
    """Hex-prefix encoding: whether it ends in a leaf, and whether it is odd, in the first nibble."""
    odd = len(nibbles) % 2
    return bytes.fromhex(_string(f"{2 * leaf + odd}{'' if odd else '0'}{nibbles}"))


def _as_string(value: bytes) -> bytes:
    return value if len(value) == 1 and value[0] < _STRING else bytes.fromhex(_head(len(value), _STRING)) + value


def _bytes_list(*items: bytes) -> bytes:
    body = b"".join(items)
    return bytes.fromhex(_head(len(body), _LIST)) + body
