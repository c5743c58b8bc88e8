"""The pure parts: fees, nonces, and what nodes mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayer import fees, nonces
from relayer.chain import Answer, NodeError, classified
from relayer.fees import FeeCaps, Fees
from relayer.simulation import explained

GWEI = 10**9
CAPS = FeeCaps(max_fee_wei=50 * GWEI, priority_fee_wei=5 * GWEI)
wei = st.integers(min_value=0, max_value=100 * GWEI)


@given(base=wei, priority=wei)
def test_a_quote_stays_within_the_caps_and_can_be_mined_now(base, priority):
    quoted = fees.quote(base_fee_wei=base, priority_fee_wei=priority, caps=CAPS)
    assert (quoted is None) == (base > CAPS.max_fee_wei)
    if quoted is not None:
        assert base <= quoted.max_fee_wei <= CAPS.max_fee_wei
        assert 0 <= quoted.priority_fee_wei <= min(CAPS.priority_fee_wei, quoted.max_fee_wei)


@given(base=st.integers(0, 10 * GWEI))
def test_a_quote_outlasts_five_full_blocks(base):
    quoted = fees.quote(base_fee_wei=base, priority_fee_wei=GWEI, caps=CAPS)
    for _ in range(5):
        base += base // 8
    assert fees.can_be_mined(quoted, base)


@given(max_fee=wei, priority=wei, base=wei)
def test_a_replacement_outbids_both_fees_by_an_eighth_or_is_not_made(max_fee, priority, base):
    previous = Fees(max(max_fee, priority), priority)
    quoted = fees.quote(base_fee_wei=base, priority_fee_wei=GWEI, caps=CAPS)
    offered = quoted and fees.outbid(previous, quoted, CAPS)
    if offered is not None:
        assert offered.max_fee_wei > previous.max_fee_wei
        assert offered.priority_fee_wei > previous.priority_fee_wei
        assert offered.max_fee_wei * 8 >= previous.max_fee_wei * 9
        assert offered.priority_fee_wei * 8 >= previous.priority_fee_wei * 9
        assert offered.priority_fee_wei <= offered.max_fee_wei <= CAPS.max_fee_wei
        assert offered.priority_fee_wei <= CAPS.priority_fee_wei


@given(bases=st.lists(wei, min_size=1, max_size=40), tips=st.lists(wei, min_size=40, max_size=40))
def test_no_fee_ever_exceeds_the_caps_however_often_it_is_replaced_and_whatever_the_node_says(bases, tips):
    offered = None
    for base, tip in zip(bases, tips, strict=False):
        quoted = fees.quote(base_fee_wei=base, priority_fee_wei=tip, caps=CAPS)
        offered = (quoted and (fees.outbid(offered, quoted, CAPS) if offered else quoted)) or offered
        if offered:
            assert offered.max_fee_wei <= CAPS.max_fee_wei
            assert offered.priority_fee_wei <= min(CAPS.priority_fee_wei, offered.max_fee_wei)


@given(previous=st.builds(Fees, wei, wei), base=wei, lowered=st.integers(1, 20 * GWEI))
def test_a_cap_that_was_lowered_allows_no_replacement_above_it(previous, base, lowered):
    caps = FeeCaps(max_fee_wei=lowered, priority_fee_wei=lowered)
    quoted = fees.quote(base_fee_wei=base, priority_fee_wei=GWEI, caps=caps)
    offered = quoted and fees.outbid(previous, quoted, caps)
    assert offered is None or offered.max_fee_wei <= lowered


@given(next_nonce=st.integers(0, 1000), chain_nonce=st.integers(0, 1000))
def test_the_next_nonce_never_goes_back_and_never_lags_the_chain(next_nonce, chain_nonce):
    assert nonces.adopted(next_nonce=next_nonce, chain_nonce=chain_nonce) == max(next_nonce, chain_nonce)


@given(chain_nonce=st.integers(0, 20), waiting=st.sets(st.integers(0, 30)), others=st.sets(st.integers(0, 30)))
def test_missing_nonces_are_those_that_block_and_belong_to_nobody(chain_nonce, waiting, others):
    waiting = {nonce for nonce in waiting if nonce >= chain_nonce}
    found = nonces.missing(chain_nonce=chain_nonce, waiting=waiting, ours=waiting | others)
    every = set(range(chain_nonce, max(waiting, default=chain_nonce)))
    assert set(found) == every - waiting - others


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        ("already known", Answer.TAKEN),
        ("transaction already imported", Answer.TAKEN),
        ("nonce too low: next nonce 5, tx nonce 4", Answer.NONCE_USED),
        ("replacement transaction underpriced", Answer.FEE_TOO_LOW),
        ("max fee per gas less than block base fee: address 0x…", Answer.FEE_TOO_LOW),
        ("Insufficient funds for gas * price + value", Answer.NO_FUNDS),
        ("exceeds block gas limit", Answer.IMPOSSIBLE),
        ("txpool is full", Answer.LATER),
        ("something new", Answer.LATER),
    ],
)
def test_what_nodes_say_to_a_transaction(words, meaning):
    assert classified(words) is meaning


@pytest.mark.parametrize(
    ("message", "data", "code"),
    [
        ("execution reverted", "0x", "Unexplained"),
        ("execution reverted: custom error", "0x13be252b", "Unexplained"),
        ("execution reverted", None, "Unexplained"),
        ("gas required exceeds allowance (40000)", None, "OutOfGas"),
        ("EVM error OutOfGas", None, "OutOfGas"),
        ("insufficient funds for transfer", None, None),
        ("header not found", None, None),
        ("the method is not available", None, None),
    ],
)
def test_only_a_revert_refuses_and_trouble_of_the_nodes_asks_again(message, data, code):
    found = explained(NodeError(-32000, message, data))
    assert (found.code if found else None) == code
