"""What one writes first: web3.py, `get_logs` in chunks, `process_log`, `executemany`. No proof, no reorganisation.

`python -m tests.benchmarks.plain_loop RPC_URL DATABASE_URL DEPLOYMENT_FILE FIRST LAST`; PAYERS names whose transfers
belong to tips. Prints how many rows it wrote.
"""

import os
import sys
from pathlib import Path
from typing import Any

import psycopg
from psycopg.types.json import Jsonb
from web3 import HTTPProvider, Web3

from deploy.local import chain as local_chain
from ledger import deployment

_BLOCKS = 50
_TABLE = """CREATE TABLE event (block_number BIGINT, log_index INT, block_hash BYTEA, tx_hash BYTEA, name TEXT,
    args JSONB, PRIMARY KEY (block_number, log_index))"""
_INSERT = "INSERT INTO event VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"


def main() -> None:
    rpc_url, database_url, deployment_file, first, last = sys.argv[1:]
    w3 = Web3(HTTPProvider(rpc_url))
    found = deployment.load(local_chain.CHAIN_ID, Path(deployment_file))
    splitter = w3.eth.contract(found.splitter, abi=deployment.abi("TipSplitter"))
    usdc = w3.eth.contract(found.usdc, abi=deployment.abi("FiatTokenV2_2"))
    events = {_topic(event): event for contract in (splitter, usdc) for event in contract.events}
    payers = os.environ["PAYERS"].split(",")
    transfer, used = (_topic(usdc.events[name]) for name in ("Transfer", "AuthorizationUsed"))
    written = 0
    with psycopg.connect(database_url) as connection:
        connection.execute(_TABLE)
        for start in range(int(first), int(last) + 1, _BLOCKS):
            place: dict[str, Any] = {"fromBlock": start, "toBlock": min(int(last), start + _BLOCKS - 1)}
            logs = w3.eth.get_logs({"address": found.splitter, **place})
            logs += w3.eth.get_logs({"address": found.usdc, "topics": [transfer, payers], **place})
            logs += w3.eth.get_logs({"address": found.usdc, "topics": [used, payers], **place})
            rows = [_row(events["0x" + bytes(log["topics"][0]).hex()].process_log(log)) for log in logs]
            with connection.cursor() as cursor:
                cursor.executemany(_INSERT, rows)
            connection.commit()
            written += len(rows)
    print(written)


def _topic(event: Any) -> str:
    abi = event.abi
    signature = f"{abi['name']}({','.join(each['type'] for each in abi['inputs'])})"
    return "0x" + Web3.keccak(text=signature).hex().removeprefix("0x")


def _row(event: Any) -> tuple[Any, ...]:
    arguments = {k: "0x" + v.hex() if isinstance(v, bytes) else str(v) for k, v in event["args"].items()}
    place = (event["blockNumber"], event["logIndex"], bytes(event["blockHash"]), bytes(event["transactionHash"]))
    return (*place, event["event"], Jsonb(arguments))


if __name__ == "__main__":
    main()
