"""How providers refuse a range of `eth_getLogs` that is too wide, in their own words, with the hint that they give."""

import random
from typing import Any


def refusal(rng: random.Random, first: int, last: int, limit: int) -> tuple[int, dict[str, Any]]:
    """(HTTP status, JSON-RPC error) of one provider or another; `limit`: how many blocks would have done."""
    fits = f"[{hex(first)}, {hex(first + limit - 1)}]"
    return rng.choice(
        [
            (200, _error(-32614, f"eth_getLogs is limited to a {limit} range")),  # QuickNode
            (
                200,
                _error(-32005, f"query returned more than 10000 results. Try with this block range {fits}."),
            ),  # Infura
            (
                400,  # Alchemy
                _error(
                    -32602,
                    "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range and no "
                    "limit on the response size, or you can request any block range with a cap of 10K logs in the "
                    "response. Based on your parameters and the response size limit, this block range should work: "
                    f"{fits}",
                ),
            ),
            (200, _error(-32000, f"block range too large, max {limit} blocks")),
            (200, _error(-32600, "block range is too wide")),  # Ankr
            (200, _error(-32602, f"exceed maximum block range: {limit}")),  # BSC, BlastAPI
            (
                200,  # Cloudflare
                _error(
                    -32047,
                    f"Invalid eth_getLogs request. 'fromBlock'-'toBlock' range too large. Max range: {limit}",
                ),
            ),
            (200, _error(35, f"ranges over {limit} blocks are not supported on freetier")),  # dRPC
            (413, _error(-32000, "response size should not greater than 10000000 bytes")),
            (200, _error(-32000, "query timeout exceeded")),
        ]
    )


def _error(code: int, message: str) -> dict[str, Any]:
    return {"code": code, "message": message}
