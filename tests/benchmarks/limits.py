"""What nothing written in one Python process can pass: each stage of a backfill, and nothing besides.

No proofs, no checks, no second question: whom to ask for is known beforehand. `python -m tests.benchmarks.limits STAGE
ASSIGNMENT` runs one stage once and prints how many rows it took; the runner measures the whole process.

fetch    the answers' bytes, by `http.client`
decode   … typed, by msgspec
columns  … as rows of a binary COPY, in bytes
copy     … copied into tables with the same columns and their primary key, no other index or check: **the limit**
real     … copied into the ledger's own tables, with every index and check
"""

import http.client
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

STAGES = ("fetch", "decode", "columns", "copy", "real")
LIMIT_SCHEMA = "benchmark_limit"


class Assignment(msgspec.Struct):
    """What to fetch, and where to put it."""

    rpc_url: str
    database_url: str
    chain_id: int
    splitter: str
    usdc: str
    payers: list[str]
    """Whose transfers to ask for, as words: all who tip, the vaults, and the splitter."""
    topics: dict[str, str]
    """The first topic of each event that is read, by the table it fills."""
    columns: dict[str, list[str]]
    first: int
    last: int
    blocks_per_range: int


class _Log(msgspec.Struct, rename="camel", gc=False):
    topics: tuple[str, ...]
    data: str
    block_number: str
    transaction_hash: str
    log_index: str


class _Answer(msgspec.Struct, gc=False):
    result: list[_Log]


_ANSWERS = msgspec.json.Decoder(list[_Answer])


def main() -> None:
    stage, path = sys.argv[1:]
    assignment = msgspec.json.decode(Path(path).read_bytes(), type=Assignment)
    print(run(STAGES.index(stage), assignment))


def run(stage: int, given: Assignment) -> int:
    """How many rows it took."""
    taken = 0
    connection: Any = None
    if stage >= STAGES.index("copy"):
        import psycopg

        connection = psycopg.connect(given.database_url)
    for answer in _answers(given):
        if stage == 0:
            taken += answer.count(b'"logIndex"')
            continue
        logs = [log for each in _ANSWERS.decode(answer) for log in each.result]
        if stage == 1:
            taken += len(logs)
            continue
        rows = _rows(given, logs)
        taken += sum(map(len, rows.values()))
        streams = {table: _stream(of_table) for table, of_table in rows.items()}
        if connection is not None:
            _copy(connection, given, streams, "ledger" if stage == STAGES.index("real") else LIMIT_SCHEMA)
    return taken


def _answers(given: Assignment) -> Iterator[bytes]:
    host = urlsplit(given.rpc_url)
    client = http.client.HTTPConnection(host.hostname or "", host.port or 80)
    for start in range(given.first, given.last + 1, given.blocks_per_range):
        place = {"fromBlock": hex(start), "toBlock": hex(min(given.last, start + given.blocks_per_range - 1))}
        frequent = [given.topics["tip_split"], given.topics["share_held"]]
        asked = [
            {"address": given.splitter, "topics": [frequent], **place},
            {"address": given.usdc, "topics": [given.topics["usdc_transfer"], given.payers], **place},
            {"address": given.usdc, "topics": [given.topics["authorization_used"], given.payers], **place},
        ]
        questions = [
            {"jsonrpc": "2.0", "id": number, "method": "eth_getLogs", "params": [each]}
            for number, each in enumerate(asked)
        ]
        client.request("POST", "/", json.dumps(questions), {"content-type": "application/json"})
        yield client.getresponse().read()


def _rows(given: Assignment, logs: list[_Log]) -> dict[str, list[str]]:
    rows: dict[str, list[str]] = {"tip_split": [], "share_held": [], "usdc_transfer": [], "authorization_used": []}
    table_of = {topic: table for table, topic in given.topics.items()}
    chain = f"00000008{given.chain_id:016x}00000008"
    for log in logs:
        topics, data, table = log.topics, log.data, table_of[log.topics[0]]
        number = f"{int(log.block_number, 16):016x}"
        place = f"{chain}{number}00000004{log.log_index[2:]:0>8}00000020{log.transaction_hash[2:]}"
        if table == "usdc_transfer":
            sides = f"00000014{topics[1][26:]}00000014{topics[2][26:]}"
            rows[table].append(f"0008{place}{sides}00000008{data[50:]}00000008{number}")
        elif table == "tip_split":
            ids = f"00000020{topics[1][2:]}00000020{topics[2][2:]}00000020{data[2:66]}00000014{topics[3][26:]}"
            shares = f"00000008{data[114:130]}00000008{data[178:194]}00000008{data[242:258]}"
            wallets = f"00000014{data[282:322]}00000014{data[346:386]}"
            rows[table].append(f"000f{place}{ids}{shares}{wallets}00000002{data[446:450]}00000007617070726f7665")
        elif table == "share_held":
            ids = f"00000020{topics[1][2:]}00000020{topics[2][2:]}"
            expires_at = (int(data[2:66], 16) - 946_684_800) * 1_000_000
            held = f"00000008{expires_at:016x}00000008{data[114:130]}000000096e6f5f77616c6c6574"
            rows[table].append(f"0009{place}{ids}{held}")
        else:
            rows[table].append(f"0007{place}00000014{topics[1][26:]}00000020{topics[2][2:]}00000008{number}")
    return rows


def _stream(rows: list[str]) -> bytes:
    return b"PGCOPY\n\xff\r\n\0" + bytes(8) + bytes.fromhex("".join(rows)) + b"\xff\xff"


def _copy(connection: Any, given: Assignment, streams: dict[str, bytes], schema: str) -> None:
    with connection.cursor() as cursor:
        for table, stream in streams.items():
            columns = ", ".join(given.columns[table])
            with cursor.copy(f"COPY {schema}.{table} ({columns}) FROM STDIN (FORMAT BINARY)") as copy:
                copy.write(stream)
    connection.commit()


if __name__ == "__main__":
    main()
