"""Can the tests fail? For each law of docs/invariants.md, contracts that break it on purpose, and who notices.

A mutant is killed only if a test that cites *its* law fails. `python -m scripts.proving.mutants` runs this alone.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from scripts.mutation import trial
from scripts.mutation.compiler import ROOT, Compiler
from scripts.proving.check import Check
from tests.contracts import test_laws

SOURCES = Path("contracts/src")
NAMED = 2
"""Killers in a note."""


@dataclass(frozen=True)
class Mutant:
    law: int
    name: str
    """What a reader of the mutated contract would say that it does."""
    file: str
    original: str
    """Stands exactly once in the file."""
    replacement: str

    def source(self) -> str:
        text = (ROOT / SOURCES / self.file).read_text()
        if text.count(self.original) != 1:
            raise ValueError(f"“{self.name}”: {self.file} holds {text.count(self.original)} times: {self.original}")
        return text.replace(self.original, self.replacement)


SPLITTER, REGISTRY, VAULT = "TipSplitter.sol", "WalletRegistry.sol", "TipVault.sol"
MUTANTS = [
    Mutant(
        1,
        "one unit of the agent's share stays with the payer",
        SPLITTER,
        "_trySend(source, agentWallet, agentShare)",
        "_trySend(source, agentWallet, agentShare - 1)",
    ),
    Mutant(
        2,
        "the creator's dust goes to the platform",
        "SplitMath.sol",
        "(19 * amount) / 100",
        "amount - agentShare - (80 * amount) / 100",
    ),
    Mutant(
        3,
        "a share that cannot be taken in is booked all the same",
        SPLITTER,
        "        if (!sent) revert TransferFailed(to, share);\n",
        "        sent;\n",
    ),
    Mutant(4, "what is held is not added up", SPLITTER, "        totalHeld += share;\n", ""),
    Mutant(
        5,
        "a share can be claimed in the second that it expires",
        SPLITTER,
        "block.timestamp >= expiresAt",
        "block.timestamp > expiresAt",
    ),
    Mutant(
        5,
        "a bucket stays after it was taken",
        SPLITTER,
        "        if (share != 0) delete _held[accountId][expiresAt];\n",
        "",
    ),
    Mutant(
        6,
        "the tips of a month share a bucket",
        SPLITTER,
        "uint64(block.timestamp) + HOLD_PERIOD",
        "(uint64(block.timestamp) / HOLD_PERIOD + 2) * HOLD_PERIOD",
    ),
    Mutant(
        7,
        "a wallet counts without its signature",
        REGISTRY,
        "        if (!SignatureChecker.isValidERC1271SignatureNowCalldata(signer, digest, signature)) {\n"
        "            revert InvalidWalletSignature(signer);\n"
        "        }\n",
        "",
    ),
    Mutant(7, "a change of wallet does not wait", REGISTRY, "uint64(block.timestamp) + ROTATION_DELAY", "0"),
    Mutant(
        8,
        "a vault pays for whoever asks",
        VAULT,
        "        if (msg.sender != SPLITTER) revert NotTheSplitter();\n",
        "",
    ),
    Mutant(
        8,
        "two agents share the vault of an episode",
        SPLITTER,
        "mstore(add(ids, 0x20), agentId)",
        "mstore(add(ids, 0x20), creatorId)",
    ),
    Mutant(
        9,
        "pause stops flushes too",
        SPLITTER,
        "emit VaultFlushed(vault, ref, address(0), uint96(balance), 0);",
        "if (_config.paused) revert TipsPaused();\n"
        "        emit VaultFlushed(vault, ref, address(0), uint96(balance), 0);",
    ),
    Mutant(
        10,
        "a rescue reaches what is held",
        SPLITTER,
        "if (amount > strays) revert RescueExceedsStrays(amount, strays);",
        "strays;",
    ),
    Mutant(
        11,
        "the payer's signature does not bind the creator",
        SPLITTER,
        "abi.encode(TERMS_TYPEHASH, creatorId, agentId, ref, salt)",
        "abi.encode(TERMS_TYPEHASH, agentId, ref, salt)",
    ),
    Mutant(
        12,
        "a transfer that failed is reason enough to hold",
        SPLITTER,
        "!_usdc.isBlacklisted(wallet)",
        "false",
    ),
    Mutant(
        13,
        "a share is held without a word",
        SPLITTER,
        "        emit ShareHeld(accountId, ref, expiresAt, uint96(share), reason);\n",
        "        reason;\n",
    ),
    Mutant(
        14,
        "one blacklisted recipient stops the tip",
        SPLITTER,
        "!_usdc.isBlacklisted(wallet)",
        "true",
    ),
]


def run() -> Iterator[Check]:
    with Compiler() as compiler:
        trial.demand_that_the_original_passes(compiler)
        for mutant in MUTANTS:
            started = time.monotonic()
            code = compiler.compile({str(SOURCES / mutant.file): mutant.source()})
            failed = trial.failing(code, trial.MUTANTS / "named")
            citing = test_laws.citations()[mutant.law]
            killers = [test for test in failed if test.name in citing.get(test.file, ())]
            yield Check(
                mutant.law, "mutant", mutant.name, bool(killers), time.monotonic() - started, _note(killers, failed)
            )


def _note(killers: list[trial.Test], failed: list[trial.Test]) -> str:
    """The law's own tests; how many others fail too."""
    named = "; ".join(map(str, killers[:NAMED])) or "none of its law's tests"
    more = f" and {len(killers) - NAMED} more" if len(killers) > NAMED else ""
    return f"{named}{more}; {len(failed) - len(killers)} tests of other laws"


def main() -> int:
    console = Console()
    table = Table("law", "mutant", "seconds", "killed by")
    checks = []
    for check in run():
        checks.append(check)
        print(f"law {check.law}: {check.name}: {'killed' if check.held else 'SURVIVED'}", flush=True)
        table.add_row(str(check.law), check.name, f"{check.seconds:.1f}", check.note)
    console.print(table)
    held = all(check.held for check in checks)
    print(json.dumps({"held": held, "checks": [asdict(check) for check in checks]}))
    return 0 if held else 1


if __name__ == "__main__":
    raise SystemExit(main())
