"""Accounts of a key that delegate to code (EIP-7702), by a type-4 transaction of their own."""

from eth_account.signers.local import LocalAccount
from web3 import Web3

from deploy.local import chain

NOBODY = Web3.to_checksum_address("0x" + "00" * 20)
"""Delegating to it ends a delegation."""
ANSWERS_FOR_ITS_KEY = bytes.fromhex(
    "600435600052"  # memory 0: the hash
    "60a43560f81c602052606435604052608435606052"  # v, r, s
    "602060806080600060015afa50"  # ecrecover
    "3060805114"  # is it this account?
    "631626ba7e60e01b0260005260206000f3"  # then ERC-1271's magic value
)
"""isValidSignature(hash, r ++ s ++ v) answers the magic value iff the account's own key signed."""
SAYS_NOTHING = bytes.fromhex("00")
"""Stops, whatever it is asked."""


def deploy(w3: Web3, code: bytes) -> str:
    """A contract of this code, for accounts to delegate to."""
    init = bytes.fromhex(f"60{len(code):02x}80600a3d393df3").ljust(10, b"\0") + code
    sent = w3.eth.send_transaction({"from": w3.eth.accounts[0], "data": init})
    receipt = w3.eth.wait_for_transaction_receipt(sent, poll_latency=0.02)
    assert receipt["contractAddress"] is not None
    assert bytes(w3.eth.get_code(receipt["contractAddress"])) == code
    return str(receipt["contractAddress"])


def delegate(w3: Web3, account: LocalAccount, to: str) -> None:
    """The account needs gas."""
    nonce = w3.eth.get_transaction_count(account.address)
    # Its own transaction counts before its authorization does.
    authorization = account.sign_authorization({"chainId": chain.CHAIN_ID, "address": to, "nonce": nonce + 1})
    base = w3.eth.get_block("latest")["baseFeePerGas"]
    signed = account.sign_transaction(
        {
            "chainId": chain.CHAIN_ID,
            "nonce": nonce,
            "to": NOBODY,
            "value": 0,
            "gas": 100_000,
            "maxFeePerGas": base * 3 + 10**9,
            "maxPriorityFeePerGas": 10**9,
            "authorizationList": [authorization],
        }
    )
    sent = w3.eth.send_raw_transaction(signed.raw_transaction)
    assert w3.eth.wait_for_transaction_receipt(sent, poll_latency=0.02)["status"] == 1
    expected = b"" if to == NOBODY else b"\xef\x01\x00" + bytes.fromhex(to[2:])
    assert bytes(w3.eth.get_code(account.address)) == expected
