"""What the chain alone takes: the relayer's transactions, signed beforehand, sent as fast as the node takes them."""

import secrets
import time
from typing import Any
from uuid import UUID

from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3 import Web3

from api.production import terms
from api.tips import rails
from api.tips.rails import Authorization
from deploy.local import chain
from ledger import deployment
from ledger.money import MicroUsdc
from tests.benchmarks.tips.tippers import AMOUNT
from tests.end_to_end.platform import Platform

_GAS = 300_000


def rate(platform: Platform, episode: dict[str, Any], *, blocks: int, block_seconds: int) -> float:
    """Tips a second, from the first one sent to the last one mined: as many as fill so many blocks."""
    count = blocks * int(platform.w3.eth.get_block("latest")["gasLimit"]) // _GAS
    payer, sender = Account.create(), Account.create()
    platform.request("anvil_setBalance", sender.address, hex(10**20))
    platform.request("evm_setAutomine", True)
    platform.transact(platform.usdc.functions.mint(payer.address, count * AMOUNT), platform.cast.faucet)
    platform.request("evm_setAutomine", False)
    chain.mine_every(platform.rpc_url, block_seconds)
    signed = [_transaction(platform, episode, payer, sender, nonce) for nonce in range(count)]
    began = time.monotonic()
    sent = [platform.w3.eth.send_raw_transaction(each) for each in signed]
    receipt = platform.w3.eth.wait_for_transaction_receipt(sent[-1], timeout=300, poll_latency=0.02)
    seconds = time.monotonic() - began
    assert receipt["status"] == 1, receipt
    assert platform.balance(payer.address) == 0
    return count / seconds


def _transaction(
    platform: Platform, episode: dict[str, Any], payer: LocalAccount, sender: LocalAccount, nonce: int
) -> bytes:
    contracts = deployment.load(chain.CHAIN_ID, platform.deployment_file)
    whom = terms.of(
        creator_id=UUID(episode["creator_id"]), agent_id=UUID(episode["agent_id"]), payable_id=UUID(episode["id"])
    )
    given = Authorization(
        payer=bytes.fromhex(payer.address[2:]),
        to=bytes.fromhex(episode["vault"][2:]),
        amount=MicroUsdc(AMOUNT),
        valid_after=0,
        valid_before=2**40,
        nonce=secrets.token_bytes(32),
    )
    signature = payer.sign_typed_data(full_message=rails.authorization(contracts, "x402", given)).signature
    filled = {
        "to": Web3.to_checksum_address(contracts.splitter),
        "data": rails.tip_x402(whom, given, signature=bytes(signature)),
        "value": 0,
        "chainId": chain.CHAIN_ID,
        "nonce": nonce,
        "gas": _GAS,
        "maxFeePerGas": 10**11,
        "maxPriorityFeePerGas": 10**9,
    }
    return bytes(sender.sign_transaction(filled).raw_transaction)
