"""A signature is accepted exactly where USDC would accept it."""

from eth_account import Account
from eth_keys.constants import SECPK1_N
from hypothesis import given, settings
from hypothesis import strategies as st

from api.tips.signatures import recover

DIGEST = b"\7" * 32
SIGNER = Account.from_key("0x" + "11" * 32)
SIGNATURE = bytes(SIGNER.unsafe_sign_hash(DIGEST).signature)


def test_signer_is_recovered() -> None:
    assert recover(DIGEST, SIGNATURE) == bytes.fromhex(SIGNER.address[2:])


def test_upper_s_is_refused() -> None:
    s = SECPK1_N - int.from_bytes(SIGNATURE[32:64], "big")
    flipped = SIGNATURE[:32] + s.to_bytes(32, "big") + bytes([55 - SIGNATURE[64]])
    assert recover(DIGEST, flipped) is None


def test_v_must_be_27_or_28() -> None:
    assert recover(DIGEST, SIGNATURE[:64] + bytes([SIGNATURE[64] - 27])) is None


def test_compact_signature_is_refused() -> None:
    assert recover(DIGEST, SIGNATURE[:64]) is None


@settings(max_examples=100, deadline=None)
@given(st.binary(min_size=0, max_size=80))
def test_junk_is_no_signature_of_the_signer(junk: bytes) -> None:
    assert recover(DIGEST, junk) != bytes.fromhex(SIGNER.address[2:])
