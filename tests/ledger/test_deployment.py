"""What the deployment file says, as wallets and libraries write it."""

import pytest
from eth_utils.address import to_checksum_address
from hypothesis import given
from hypothesis import strategies as st

from ledger import deployment


@given(st.binary(min_size=20, max_size=20))
def test_the_case_of_an_address_is_its_checksum(address: bytes) -> None:
    for written in (address.hex(), "0x" + address.hex(), "0x" + address.hex().upper()):
        assert deployment.checksummed(written) == to_checksum_address(address)


@pytest.mark.parametrize("address", ["", "0x", "0x12", "0x" + "12" * 32, "0x" + "xy" * 20])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"address|hexadecimal"):
        deployment.checksummed(address)
