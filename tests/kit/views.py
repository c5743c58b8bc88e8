"""What a node sees when it does not see the chain as it is: some blocks behind, or as it was some time ago."""

import json
import random
from typing import Any

Question = dict[str, Any]
Result = Any

_TAGS = ("latest", "safe", "finalized", "pending")


class Memory:
    """What the real node said before, to whoever asked: nodes of one chain may share it."""

    def __init__(self) -> None:
        self._said: dict[str, list[tuple[int, Result]]] = {}
        self._headers: dict[str, dict[str, Any]] = {}
        self._moment = 0

    @property
    def moment(self) -> int:
        """Grows with every answer."""
        return self._moment

    def learn(self, question: Question, result: Result) -> None:
        self._moment += 1
        said = self._said.setdefault(_key(question), [])
        if not said or said[-1][1] != result:
            said.append((self._moment, result))
        if isinstance(result, dict) and "parentHash" in result:
            self._headers[result["hash"]] = result

    def as_of(self, moment: int, question: Question, otherwise: Result) -> Result:
        """The last answer to this question up to the moment; the true one, when it was not asked before."""
        older = [result for at, result in self._said.get(_key(question), []) if at <= moment]
        return older[-1] if older else otherwise

    def orphans(self, on_chain: dict[int, str]) -> list[dict[str, Any]]:
        """Headers that were on the chain once; `on_chain`: number → hash now."""
        return [
            header
            for header in self._headers.values()
            if on_chain.get(int(header["number"], 16), header["hash"]) != header["hash"]
        ]

    @property
    def heights(self) -> list[int]:
        return sorted({int(header["number"], 16) for header in self._headers.values()})


def behind(question: Question, top: int) -> tuple[Question | None, Result]:
    """How a node whose newest block is `top` takes the question: (what the real node is to be asked, None), or
    (None, the answer)."""
    method, params = question["method"], question.get("params", [])
    if method == "eth_blockNumber":
        return None, hex(top)
    if method == "eth_getBlockByNumber":
        return _block_behind(question, params, top)
    if method == "eth_getLogs" and "blockHash" not in params[0]:
        first, last = (_height(params[0].get(name, "latest"), top) for name in ("fromBlock", "toBlock"))
        if first > top:
            return None, []
        return {**question, "params": [{**params[0], "fromBlock": hex(first), "toBlock": hex(min(last, top))}]}, None
    return question, None


def _block_behind(question: Question, params: list[Any], top: int) -> tuple[Question | None, Result]:
    if params[0] in ("safe", "finalized"):
        return question, None
    height = _height(params[0], top)
    if height > top:
        return None, None
    return {**question, "params": [hex(height), *params[1:]]}, None


def too_new(result: Result, top: int) -> Result:
    """What a node whose newest block is `top` says where the real one says `result`: it does not know newer blocks."""
    if isinstance(result, dict) and "parentHash" in result and int(result["number"], 16) > top:
        return None
    if isinstance(result, list) and result and "blockNumber" in result[0] and int(result[0]["blockNumber"], 16) > top:
        return [] if "topics" in result[0] else None
    return result


def old_moment(rng: random.Random, memory: Memory) -> int:
    """Some time ago: mostly a little, now and then long."""
    return memory.moment - int(rng.random() ** 2 * min(memory.moment, 400))


def _height(block: str, top: int) -> int:
    if block in _TAGS:
        return top
    return 0 if block == "earliest" else int(block, 16)


def _key(question: Question) -> str:
    return question["method"] + json.dumps(question.get("params", []), sort_keys=True)
