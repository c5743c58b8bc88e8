"""The embedded chain is what stock clients expect of Base Sepolia."""

import json
from pathlib import Path

from deploy.local import chain as local_chain


def test_usdc_is_circles_at_its_canonical_address(chain):
    usdc = chain.contract("FiatTokenV2_2")
    assert chain.w3.eth.chain_id == 84532
    assert usdc.functions.name().call() == "USDC"
    assert usdc.functions.version().call() == "2"
    assert usdc.functions.decimals().call() == 6
    assert usdc.functions.balanceOf(chain.cast.viewers[0].address).call() == local_chain.VIEWER_MICRO_USDC


def test_a_tip_is_split_80_19_1_and_shares_without_wallet_are_held(chain):
    usdc, splitter, viewer = chain.contract("FiatTokenV2_2"), chain.contract("TipSplitter"), chain.cast.viewers[0]
    usdc.functions.approve(splitter.address, 250_000).transact({"from": viewer.address})
    before = usdc.functions.balanceOf(chain.cast.treasury.address).call()
    splitter.functions.tip(b"\1" * 32, b"\2" * 32, 250_000, b"\3" * 32).transact({"from": viewer.address})
    assert usdc.functions.balanceOf(chain.cast.treasury.address).call() - before == 47_500
    assert splitter.functions.totalHeld().call() == 202_500


def test_chain_and_receipts_survive_a_restart_and_time_is_the_clocks(tmp_path: Path):
    state, deployment = tmp_path / "state.json", tmp_path / "deployment.json"
    with local_chain.running(state=state) as url:
        local_chain.ensure_deployed(url, deployment)
        head = local_chain.connect(url).eth.get_block("latest")
    with local_chain.running(state=state) as url:
        local_chain.ensure_deployed(url, deployment)
        w3 = local_chain.connect(url)
        assert w3.eth.get_block("latest")["hash"] == head["hash"]
        receipt = w3.eth.get_transaction_receipt(json.loads(deployment.read_text())["deploymentTx"])
        assert receipt["status"] == 1
        assert w3.eth.get_logs({"fromBlock": receipt["blockNumber"], "toBlock": receipt["blockNumber"]})
