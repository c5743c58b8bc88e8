"""Raw log → row of a COPY, in hex all the way: the hot path of a backfill.

Nearly all rows are of four events; theirs are joined from slices of the log. What is rarer goes through `events` and is
encoded field by field. Both ways give the same row for the same log (tests/indexer/test_rows.py), and both refuse what
does not fit: nothing is skipped and nothing is truncated.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime

from indexer.chain import Header, Log
from indexer.events import Decoder, Undecodable
from indexer.topics import AUTHORIZATION_USED, SHARE_HELD, TIP_SPLIT, TRANSFER
from ledger import copying
from ledger.copying import NULL, field
from ledger.facts import HOLD_REASONS, RAILS

_HASH, _ADDRESS, _INT8, _INT4 = "00000020", "00000014", "00000008", "00000004"
"""Lengths that go before a field."""
_TOPIC = 66
_NOBODY = "0" * 40
_BEFORE_INT8 = "0" * 48
_RAILS = {f"{number:064x}": field(copying.text(rail)) for number, rail in enumerate(RAILS)}
_REASONS = {f"{number:064x}": field(copying.text(reason)) for number, reason in enumerate(HOLD_REASONS)}
_HELD_MASKS = {f"{mask:064x}": field(f"{mask:04x}") for mask in range(8)}
_LAST_SECOND = int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())


def block(chain_id: int, header: Header, *, has_events: bool) -> str:
    """The header as the ledger keeps it. It has proven its hash, so its hex is proper."""
    place = f"{_INT8}{chain_id:016x}{_INT8}{header.height:016x}"
    mined_at = copying.seconds(int(header.timestamp, 16))
    hashes = f"{_HASH}{header.hash[2:]}{_HASH}{header.parent_hash[2:]}"
    return f"0006{place}{hashes}{_INT8}{mined_at}00000001{has_events:02x}"


class Writer:
    """Makes the rows of one range of blocks."""

    def __init__(self, decoder: Decoder) -> None:
        self.rows: copying.Rows = defaultdict(list)
        self._decoder = decoder
        self._chain = f"{_INT8}{decoder.chain_id:016x}{_INT8}"
        self._blocks: dict[str, str] = {}

    def splitter(self, logs: Iterable[Log]) -> None:
        """What the splitter said. Raises Undecodable."""
        for log in logs:
            try:
                if log.topics[0] == TIP_SPLIT:
                    self.rows["tip_split"].append(self._tip_split(log))
                elif log.topics[0] == SHARE_HELD:
                    self.rows["share_held"].append(self._share_held(log))
                else:
                    for table, rows in copying.rows_of([self._decoder.splitter(log)]).items():
                        self.rows[table] += rows
            except (ValueError, IndexError, KeyError) as error:
                raise Undecodable(f"log {log.place} of the splitter in {log.transaction_hash}: {error!r}") from error

    def usdc(self, logs: Iterable[tuple[Log, int]]) -> None:
        """Transfers and authorizations, each with the block by which it is ours. Raises Undecodable."""
        transfers: list[str] = []
        for log, noticed in logs:
            try:
                topic = log.topics[0]
                if topic == TRANSFER:
                    transfers.append(f"{self._transfer(log)}{_INT8}{noticed:016x}")
                elif topic == AUTHORIZATION_USED:
                    self.rows["authorization_used"].append(f"{self._authorization(log)}{_INT8}{noticed:016x}")
                else:
                    raise ValueError(f"unexpected topic {topic}")
            except (ValueError, IndexError) as error:
                raise Undecodable(f"log {log.place} of USDC in {log.transaction_hash}: {error!r}") from error
        if transfers:
            self.rows["usdc_transfer"] += transfers

    def _place(self, log: Log) -> str:
        """The four fields that begin every row."""
        block = self._blocks.get(log.block_number)
        if block is None:
            block = f"{self._chain}{int(log.block_number, 16):016x}{_INT4}"
            self._blocks[log.block_number] = block
        index, tx_hash = log.log_index[2:], log.transaction_hash
        if len(index) > 7 or len(tx_hash) != _TOPIC:  # noqa: PLR2004 - seven digits are a positive int4
            raise ValueError(f"index {log.log_index}, transaction {tx_hash}")
        return f"{block}{index:0>8}{_HASH}{tx_hash[2:]}"

    def _tip_split(self, log: Log) -> str:
        _, ref, creator_id, payer = log.topics
        _check(log, 8, ref, creator_id, payer)
        data = log.data
        return (
            f"000f{self._place(log)}{_HASH}{ref[2:]}{_HASH}{creator_id[2:]}{_HASH}{data[2:66]}{_known(payer[26:])}"
            f"{_INT8}{_amount(data[66:130])}{_INT8}{_amount(data[130:194])}{_INT8}{_amount(data[194:258])}"
            f"{_known(data[282:322])}{_known(data[346:386])}{_HELD_MASKS[data[386:450]]}{_RAILS[data[450:]]}"
        )

    def _share_held(self, log: Log) -> str:
        _, account_id, ref = log.topics
        _check(log, 3, account_id, ref)
        data = log.data
        expires_at = int(data[2:66], 16)
        if expires_at > _LAST_SECOND:
            raise ValueError(f"{expires_at} s is no date")
        return (
            f"0009{self._place(log)}{_HASH}{account_id[2:]}{_HASH}{ref[2:]}{_INT8}{copying.seconds(expires_at)}"
            f"{_INT8}{_amount(data[66:130])}{_REASONS[data[130:]]}"
        )

    def _transfer(self, log: Log) -> str:
        (_, source, to), data = log.topics, log.data
        if len(source) != _TOPIC or len(to) != _TOPIC or len(data) != _TOPIC:
            raise ValueError(f"topics {log.topics}, data {data}")
        return f"0008{self._place(log)}{_ADDRESS}{source[26:]}{_ADDRESS}{to[26:]}{_INT8}{_amount(data[2:])}"

    def _authorization(self, log: Log) -> str:
        _, authorizer, nonce = log.topics
        _check(log, 0, authorizer, nonce)
        return f"0007{self._place(log)}{_ADDRESS}{authorizer[26:]}{_HASH}{nonce[2:]}"


def _check(log: Log, words: int, *topics: str) -> None:
    for topic in topics:
        if len(topic) != _TOPIC:
            raise ValueError(f"{topic} is no topic")
    if len(log.data) != 2 + words * 64:
        raise ValueError(f"{len(log.data) // 2 - 1} bytes of data where {words} words belong")


def _known(address: str) -> str:
    """An address field; null for the zero address: the contract's way to say that there is none."""
    return NULL if address == _NOBODY else _ADDRESS + address


def _amount(word: str) -> str:
    if word[:48] != _BEFORE_INT8 or word[48] > "7":
        raise ValueError(f"{word} micro-USDC do not fit the ledger")
    return word[48:]
