"""Raw log → row of a COPY, in hex all the way: the hot path of a backfill.

Nearly all rows are of four events; theirs are joined from slices of the log. What is rarer goes through `events` and is
encoded field by field. Both ways give the same row for the same log (tests/indexer/test_rows.py), and both refuse what
does not fit: nothing is skipped and nothing is truncated.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from indexer.chain import Log
from indexer.events import Decoder, Undecodable
from indexer.topics import AUTHORIZATION_USED, SHARE_HELD, TIP_SPLIT, TRANSFER
from ledger import copying
from ledger.copying import NULL, field
from ledger.models import HOLD_REASONS, RAILS

_HASH, _ADDRESS, _INT8, _INT4 = "00000020", "00000014", "00000008", "00000004"
"""Lengths that go before a field."""
_TOPIC = 66
_NOBODY = "0" * 40
_BEFORE_INT8 = "0" * 48
_RAILS = {f"{number:064x}": field(copying.text(rail)) for number, rail in enumerate(RAILS)}
_REASONS = {f"{number:064x}": field(copying.text(reason)) for number, reason in enumerate(HOLD_REASONS)}
_HELD_MASKS = {f"{mask:064x}": field(f"{mask:04x}") for mask in range(8)}
_LAST_SECOND = int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())


class Writer:
    """Makes the rows of one range of blocks."""

    def __init__(self, decoder: Decoder) -> None:
        self.rows: copying.Rows = {}
        self._decoder = decoder
        self._chain = f"{_INT8}{decoder.chain_id:016x}{_INT8}"
        self._blocks: dict[str, str] = {}

    def splitter(self, logs: Iterable[Log]) -> None:
        """What the splitter said. Raises Undecodable."""
        for log in logs:
            try:
                match log.topics[0]:
                    case topic if topic == TIP_SPLIT:
                        self._add("tip_split", self._tip_split(log))
                    case topic if topic == SHARE_HELD:
                        self._add("share_held", self._share_held(log))
                    case _:
                        for table, rows in copying.rows_of([self._decoder.splitter(log)]).items():
                            self._add(table, *rows)
            except (ValueError, IndexError, KeyError) as error:
                raise Undecodable(f"log {log.place} of the splitter in {log.transaction_hash}: {error!r}") from error

    def usdc(self, logs: Iterable[tuple[Log, int]]) -> None:
        """Transfers and authorizations, each with the block by which it is ours. Raises Undecodable."""
        for log, noticed in logs:
            try:
                if log.topics[0] == TRANSFER:
                    self._add("usdc_transfer", f"{self._transfer(log)}{_INT8}{noticed:016x}")
                elif log.topics[0] == AUTHORIZATION_USED:
                    self._add("authorization_used", f"{self._authorization(log)}{_INT8}{noticed:016x}")
                else:
                    raise ValueError(f"unexpected topic {log.topics[0]}")
            except (ValueError, IndexError) as error:
                raise Undecodable(f"log {log.place} of USDC in {log.transaction_hash}: {error!r}") from error

    def _add(self, table: str, *rows: str) -> None:
        self.rows.setdefault(table, []).extend(rows)

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
        _, ref, creator_id, payer = _topics(log, 4)
        data = _words(log, 8)
        return (
            f"000f{self._place(log)}{_HASH}{ref}{_HASH}{creator_id}{_HASH}{data[:64]}{_known(payer)}"
            f"{_INT8}{_amount(data[64:128])}{_INT8}{_amount(data[128:192])}{_INT8}{_amount(data[192:256])}"
            f"{_known(data[256:320])}{_known(data[320:384])}{_HELD_MASKS[data[384:448]]}{_RAILS[data[448:]]}"
        )

    def _share_held(self, log: Log) -> str:
        _, account_id, ref = _topics(log, 3)
        data = _words(log, 3)
        expires_at = int(data[:64], 16)
        if expires_at > _LAST_SECOND:
            raise ValueError(f"{expires_at} s is no date")
        return (
            f"0009{self._place(log)}{_HASH}{account_id}{_HASH}{ref}{_INT8}{copying.seconds(expires_at)}"
            f"{_INT8}{_amount(data[64:128])}{_REASONS[data[128:]]}"
        )

    def _transfer(self, log: Log) -> str:
        _, source, to = _topics(log, 3)
        amount = _amount(_words(log, 1))
        return f"0008{self._place(log)}{_ADDRESS}{source[24:]}{_ADDRESS}{to[24:]}{_INT8}{amount}"

    def _authorization(self, log: Log) -> str:
        _, authorizer, nonce = _topics(log, 3)
        _words(log, 0)
        return f"0007{self._place(log)}{_ADDRESS}{authorizer[24:]}{_HASH}{nonce}"


def _topics(log: Log, count: int) -> list[str]:
    if len(log.topics) != count or any(len(topic) != _TOPIC for topic in log.topics):
        raise ValueError(f"topics {log.topics} where {count} belong")
    return [topic[2:] for topic in log.topics]


def _words(log: Log, count: int) -> str:
    if len(log.data) != 2 + count * 64:
        raise ValueError(f"{len(log.data) // 2 - 1} bytes of data where {count} words belong")
    return log.data[2:]


def _known(word: str) -> str:
    """An address field; null for the zero address: the contract's way to say that there is none."""
    address = word[24:]
    return NULL if address == _NOBODY else _ADDRESS + address


def _amount(word: str) -> str:
    if word[:48] != _BEFORE_INT8 or word[48] > "7":
        raise ValueError(f"{word} micro-USDC do not fit the ledger")
    return word[48:]
