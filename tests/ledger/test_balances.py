"""What the facts add up to."""

from datetime import timedelta

from ledger import balances
from ledger.ids import PLATFORM_ID
from tests.ledger.books import CHAIN_ID, START, Books, account, hash_of, wallet

SOON, LATER = START + timedelta(days=30), START + timedelta(days=31)


async def test_head_is_none_before_anything_was_mirrored(books: Books) -> None:
    assert await balances.head(books.session, 1) is None


async def test_head_tells_how_far_behind(books: Books) -> None:
    await books.mine(safe=1)
    found = await balances.head(books.session, CHAIN_ID)
    assert found is not None
    assert (found.number, found.hash, found.status, found.lag_blocks) == (1, hash_of(1), "live", 0)


async def test_tips_newest_first_page_by_page(books: Books) -> None:
    for amount in (100, 200, 300):
        books.tip(amount)
        books.tip(amount + 1)
        await books.mine(safe=2, final=1)
    first = await balances.tips(books.session, CHAIN_ID, limit=4)
    assert [tip.amount_micro_usdc for tip in first] == [301, 300, 201, 200]
    assert [tip.finality for tip in first] == ["unsafe", "unsafe", "safe", "safe"]
    last = first[-1]
    rest = await balances.tips(books.session, CHAIN_ID, after=(last.block_number, last.log_index))
    assert [tip.amount_micro_usdc for tip in rest] == [101, 100]
    assert {tip.finality for tip in rest} == {"finalized"}
    assert rest[0].block_hash == hash_of(1)


async def test_tips_by_what_they_name(books: Books) -> None:
    tip = books.tip()
    books.tip(ref=account(8), creator_id=account(3), agent_id=account(4), payer=None)
    await books.mine()
    for found in (
        await balances.tips(books.session, CHAIN_ID, ref=account(7)),
        await balances.tips(books.session, CHAIN_ID, account_id=account(1)),
        await balances.tips(books.session, CHAIN_ID, account_id=account(2)),
        await balances.tips(books.session, CHAIN_ID, payer=wallet(9)),
    ):
        assert [each.log_index for each in found] == [tip.log_index]
    assert len(await balances.tips_by_tx(books.session, CHAIN_ID, tip.tx_hash)) == 2
    one = await balances.tip_by_log(books.session, CHAIN_ID, tip.tx_hash, 1)
    assert one is not None
    assert (one.payer, one.ref) == (None, account(8))
    assert await balances.tip_by_log(books.session, CHAIN_ID, tip.tx_hash, 9) is None


async def test_a_bucket_is_what_was_held_less_what_left(books: Books) -> None:
    books.hold(100, SOON)
    books.hold(50, SOON, ref=account(8), reason="blacklisted")
    books.hold(7, LATER)
    books.hold(9, SOON, account_id=account(2))
    await books.mine()
    soon, later = await balances.held_buckets(books.session, CHAIN_ID, account(1))
    assert (soon.amount_micro_usdc, soon.expires_at, later.amount_micro_usdc) == (150, SOON, 7)
    assert soon.expiry == int(SOON.timestamp())
    assert set(soon.refs) == {account(7), account(8)}
    assert set(soon.reasons) == {"no_wallet", "blacklisted"}
    books.claim(150, SOON)
    books.sweep(9, SOON, account_id=account(2))
    await books.mine()
    assert [
        bucket.amount_micro_usdc for bucket in await balances.held_buckets(books.session, CHAIN_ID, account(1))
    ] == [7]
    assert await balances.held_buckets(books.session, CHAIN_ID, account(2)) == []


async def test_a_bucket_may_fill_again_after_a_claim_in_its_second(books: Books) -> None:
    books.hold(100, SOON)
    books.claim(100, SOON)
    books.hold(30, SOON)
    await books.mine()
    (bucket,) = await balances.held_buckets(books.session, CHAIN_ID, account(1))
    assert bucket.amount_micro_usdc == 30


async def test_expired_from_the_very_second_on(books: Books) -> None:
    books.hold(100, SOON)
    await books.mine()
    assert await balances.expired_buckets(books.session, CHAIN_ID, SOON - timedelta(seconds=1)) == []
    (bucket,) = await balances.expired_buckets(books.session, CHAIN_ID, SOON)
    assert (bucket.account_id, bucket.amount_micro_usdc) == (account(1), 100)


async def _wallet(books: Books) -> balances.WalletState:
    await books.mine()
    return await balances.wallet_of(books.session, CHAIN_ID, account(1))


async def test_wallets_are_replayed(books: Books) -> None:
    assert (await _wallet(books)).status == "none"
    books.wallet_event("set", 1)
    state = await _wallet(books)
    assert (state.wallet, state.status, state.rotation) == (wallet(1), "active", None)
    books.wallet_event("rotation_started", 2, ready_at=SOON)
    state = await _wallet(books)
    assert state.wallet == wallet(1)
    assert state.rotation is not None
    assert (state.rotation.wallet, state.rotation.ready_at, state.rotation.vetoed) == (wallet(2), SOON, False)
    books.wallet_event("rotation_cancelled", 2)
    state = await _wallet(books)
    assert state.rotation is not None
    assert (state.rotation.ready_at, state.rotation.vetoed) == (SOON, True)
    books.wallet_event("revoked", 1)
    state = await _wallet(books)
    assert (state.wallet, state.status) == (wallet(1), "revoked")
    assert state.rotation is not None  # the contract keeps it: it can still be completed
    books.wallet_event("set", 2)
    state = await _wallet(books)
    assert (state.wallet, state.status, state.rotation) == (wallet(2), "active", None)
    assert await balances.accounts_of_wallet(books.session, CHAIN_ID, wallet(2)) == [account(1)]
    assert await balances.accounts_of_wallet(books.session, CHAIN_ID, wallet(1)) == []


async def test_an_authorization_paid_only_if_a_transfer_follows_it(books: Books) -> None:
    books.authorization(1)
    books.transfer(9, 50, 1000)
    books.authorization(2)  # cancelled: nothing follows
    await books.mine()
    paid = await balances.authorization(books.session, CHAIN_ID, wallet(9), account(1))
    assert paid is not None
    assert (paid.transfer_to, paid.transfer_amount_micro_usdc) == (wallet(50), 1000)
    cancelled = await balances.authorization(books.session, CHAIN_ID, wallet(9), account(2))
    assert cancelled is not None
    assert cancelled.transfer_to is None
    assert await balances.authorization(books.session, CHAIN_ID, wallet(9), account(3)) is None


async def test_vaults_with_money_in_them(books: Books) -> None:
    books.vault(50)
    books.vault(51)
    books.transfer(9, 50, 1000)
    books.transfer(9, 51, 700)
    books.transfer(51, 1, 700)
    await books.mine()
    (vault,) = await balances.vault_balances(books.session, CHAIN_ID)
    assert (vault.vault, vault.amount_micro_usdc, vault.ref) == (wallet(50), 1000, account(7))


async def test_a_flush_empties_a_vault(books: Books) -> None:
    books.vault(50)
    books.transfer(9, 50, 1000)
    await books.mine()
    assert [v.amount_micro_usdc for v in await balances.vaults_to_flush(books.session, CHAIN_ID)] == [1000]
    books.transfer(9, 50, 10)
    books.flush(50, 1010)
    books.transfer(50, 1, 1010)
    await books.mine()
    assert await balances.vaults_to_flush(books.session, CHAIN_ID) == []
    books.transfer(9, 50, 70)
    books.transfer(8, 50, 7)
    await books.mine()
    (vault,) = await balances.vaults_to_flush(books.session, CHAIN_ID)
    assert (vault.vault, vault.amount_micro_usdc, vault.ref) == (wallet(50), 77, account(7))
    assert [vault] == await balances.vault_balances(books.session, CHAIN_ID)


async def test_earnings_by_day_ref_and_role(books: Books) -> None:
    books.tip(1000, held_mask=balances.CREATOR_HELD)
    books.tip(2000, ref=account(8))
    await books.mine()
    for _ in range(24):
        await books.mine()
    books.tip(500, creator_id=account(3), agent_id=account(1))
    await books.mine()
    by_day = await balances.earnings(books.session, CHAIN_ID, account(1), group_by="day")
    assert [(each.key, each.tips, each.earned_micro_usdc, each.held_micro_usdc) for each in by_day] == [
        ("2026-01-01", 2, 2400, 800),
        ("2026-01-02", 1, 5, 0),
    ]
    by_role = await balances.earnings(books.session, CHAIN_ID, account(1), group_by="role")
    assert {each.key: each.earned_micro_usdc for each in by_role} == {"creator": 2400, "agent": 5}
    by_ref = await balances.earnings(books.session, CHAIN_ID, account(1), group_by="ref")
    assert {each.key: each.earned_micro_usdc for each in by_ref} == {
        "0x" + account(7).hex(): 805,
        "0x" + account(8).hex(): 1600,
    }
    second_day = START + timedelta(days=1)
    assert len(await balances.earnings(books.session, CHAIN_ID, account(1), since=second_day)) == 1
    platform = await balances.earnings(books.session, CHAIN_ID, PLATFORM_ID, group_by="role", until=second_day)
    assert [(each.key, each.earned_micro_usdc) for each in platform] == [("platform", 570)]


async def test_payouts_are_shares_paid_at_once_and_claims(books: Books) -> None:
    books.tip(1000, held_mask=balances.CREATOR_HELD)
    books.tip(2000)
    books.tip(3000, agent_id=account(1))
    await books.mine()
    books.claim(800, SOON)
    await books.mine()
    found = await balances.payouts(books.session, CHAIN_ID, account(1))
    assert [(each.kind, each.role, each.amount_micro_usdc) for each in found] == [
        ("claim", None, 800),
        ("share", "creator", 2400),
        ("share", "agent", 30),
        ("share", "creator", 1600),
    ]
    page = await balances.payouts(books.session, CHAIN_ID, account(1), after=found[1].key)
    assert [each.key for each in page] == [each.key for each in found[2:]]


async def test_settings_are_what_the_last_event_said(books: Books) -> None:
    assert await balances.min_tip(books.session, CHAIN_ID) is None
    books.contract_event("MinTipSet", minTip="100")
    books.contract_event("MinTipSet", minTip="250000")
    books.contract_event("TreasuryChanged", previous="0x" + wallet(0).hex(), treasury="0x" + wallet(3).hex())
    books.contract_event("Paused", account="0x")
    await books.mine()
    assert await balances.min_tip(books.session, CHAIN_ID) == 250_000
    assert await balances.treasury(books.session, CHAIN_ID) == wallet(3)
    assert await balances.paused(books.session, CHAIN_ID)
    books.contract_event("Unpaused", account="0x")
    await books.mine()
    assert not await balances.paused(books.session, CHAIN_ID)
