"""Keys that a signing service keeps: what it answers becomes a transaction of ours, or nothing."""

import asyncio

import httpx
import pytest
from coincurve import PrivateKey
from coincurve.utils import GROUP_ORDER_INT as ORDER
from Crypto.Util.asn1 import DerSequence
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from relayer import keys, kms
from relayer.fees import Fees
from relayer.keys import RemoteKey, Unsigned
from relayer.kms import KmsError, UnusableKey
from relayer.settings import RelayerSettings, SettingsError
from tests.relayer.signing_service import TOKEN, SigningService, sign, spki
from tests.relayer.world import RELAYERS, World, address_of, eventually, fresh_address, key_of

FIRST, SECOND, STRANGER = RELAYERS
secrets = st.integers(1, ORDER - 1).map(lambda number: number.to_bytes(32, "big"))
digests = secrets
"""Not zero, for which a signature of a key is one of its negative too; no hash that anybody knows is zero."""
TRANSACTION = Unsigned(84532, 7, b"\1" * 20, b"\2", 3, 50_000, Fees(10, 1))


# ------------------------------------------------------------------------------------------------------------ the DER


@given(secret=secrets, digest=digests, high=st.booleans())
def test_the_recovered_signer_is_always_the_address_and_s_is_low(secret, digest, high):
    key = PrivateKey(secret)
    address = kms.address_of(spki(key))
    assert address == bytes.fromhex(Account.from_key(secret).address[2:])
    found = kms.recoverable(sign(key, digest, high=high), digest, address)
    assert found.s <= ORDER // 2
    assert found == kms.recoverable(sign(key, digest, high=not high), digest, address)
    vrs = {"v": found.v + 27, "r": found.r, "s": found.s}
    assert Account._recover_hash(digest, vrs=tuple(vrs.values())) == Account.from_key(secret).address


@given(secret=secrets, other=secrets, digest=digests, other_digest=digests)
def test_a_signature_by_another_key_or_over_something_else_is_refused(secret, other, digest, other_digest):
    address = kms.address_of(spki(PrivateKey(secret)))
    if secret != other:
        with pytest.raises(KmsError):
            kms.recoverable(sign(PrivateKey(other), digest, high=False), digest, address)
    if digest != other_digest:
        with pytest.raises(KmsError):
            kms.recoverable(sign(PrivateKey(secret), digest, high=False), other_digest, address)


@given(noise=st.binary(max_size=80), r=st.integers(-5, ORDER + 5), s=st.integers(-5, ORDER + 5))
def test_whatever_is_answered_is_a_signature_of_ours_or_refused(noise, r, s):
    address = kms.address_of(spki(PrivateKey(b"\1" * 32)))
    for answer in (noise, DerSequence([r, s]).encode(), DerSequence([noise, s]).encode()):
        with pytest.raises(KmsError):
            kms.recoverable(answer, b"\7" * 32, address)


@given(noise=st.binary(max_size=100), cut=st.integers(0, 87))
def test_what_is_no_key_of_this_curve_is_said_to_be_unusable(noise, cut):
    good = spki(PrivateKey(b"\1" * 32))
    for answer in (noise, good[:cut], good + b"\0", spki(PrivateKey(b"\1" * 32), curve="1.2.840.10045.3.1.7")):
        with pytest.raises(UnusableKey):
            kms.address_of(answer)


# ----------------------------------------------------------------------------------------------------------- the wire


@pytest.fixture
async def service():
    async with SigningService(first=FIRST, second=SECOND, stranger=STRANGER) as running:
        yield running


@pytest.fixture
async def client():
    async with httpx.AsyncClient() as made:
        yield made


def remote(service: SigningService, key_id: str = "first", **changes) -> dict[str, str | float]:
    """Settings for the keys `key_id` of the service."""
    given = {"relayer_kms_key": key_id, "relayer_kms_url": service.url, "relayer_kms_token": TOKEN}
    return {**given, "relayer_kms_timeout_seconds": 0.5, **changes}


async def loaded(client, **changes) -> list[keys.Signer]:
    base = {"DATABASE_URL": "postgresql:///x", "rpc_urls": "http://rpc"}
    return (await keys.load(RelayerSettings(_env_file=None, **base, **changes), client))["relayer"]


async def test_it_signs_the_same_transaction_as_a_key_in_memory(service, client):
    both = {"relayer_key": key_of(SECOND), **remote(service, "first")}
    local, distant = await loaded(client, **both)
    assert isinstance(distant, RemoteKey)
    assert (local.address, distant.address) == (address_of(SECOND), address_of(FIRST))
    (in_memory,) = await loaded(client, relayer_key=key_of(FIRST))
    assert await distant.sign(TRANSACTION) == await in_memory.sign(TRANSACTION)
    assert await distant.sign(TRANSACTION) == await in_memory.sign(TRANSACTION)  # the second answer has the high s


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda service: setattr(service, "sign_with", "stranger"), "not one of our key"),
        (lambda service: setattr(service, "fails", lambda _: True), "HTTP 503 throttled"),
        (lambda service: setattr(service, "late_seconds", 2), "TimeoutError"),
        (lambda service: setattr(service, "token", "another"), "HTTP 401 who are you?"),
        (lambda service: service.keys.clear(), "HTTP 404 no such key"),
    ],
    ids=["another key", "503", "late", "401", "404"],
)
async def test_anything_but_a_signature_of_ours_is_no_signature(service, client, spoil, said):
    (signer,) = await loaded(client, **remote(service))
    spoil(service)
    with pytest.raises(KmsError) as refused:
        await signer.sign(TRANSACTION)
    assert said in str(refused.value)
    assert TOKEN not in str(refused.value)


async def test_a_service_that_cannot_be_reached_is_named_without_its_secrets(client):
    with pytest.raises(KmsError) as refused:
        await loaded(client, relayer_kms_key="a", relayer_kms_url="http://user:hunter2@127.0.0.1:9/kms")
    assert "127.0.0.1" in str(refused.value)
    assert "hunter2" not in str(refused.value)


async def test_a_key_without_a_service_or_named_twice_is_a_mistake(service, client):
    with pytest.raises(SettingsError, match="RELAYER_KMS_URL"):
        await loaded(client, relayer_kms_key="first")
    with pytest.raises(SettingsError, match="twice"):
        await loaded(client, **remote(service), relayer_key=key_of(FIRST))


# --------------------------------------------------------------------------------------------------------- the sender


def only_remote(world: World) -> None:
    del world.keys["RELAYER_KEY"]


async def test_the_relayer_sends_with_it(world, service):
    only_remote(world)
    recipients = [fresh_address() for _ in range(10)]
    async with world.relayer(**remote(service)):
        ids = [await world.enqueue(to=to, value_wei=7) for to in recipients]
        for outbox_id in ids:
            assert (await world.until(outbox_id, "mined_ok")).sender == address_of(FIRST)
    assert [await world.balance(to) for to in recipients] == [7] * 10


async def test_a_service_that_fails_half_the_time_costs_time_only(world, service, monkeypatch):
    monkeypatch.setattr("relayer.sender.ASK_AGAIN_SECONDS", 0.2)
    only_remote(world)
    service.fails = lambda count: count % 3 > 0
    recipients = [fresh_address() for _ in range(12)]
    async with world.relayer(**remote(service)):
        ids = [await world.enqueue(to=to, value_wei=7) for to in recipients]
        for outbox_id in ids:
            await world.until(outbox_id, "mined_ok", seconds=40)
    assert [await world.balance(to) for to in recipients] == [7] * 12
    assert await world.nonce(FIRST) == 12


async def test_a_signature_of_another_key_is_never_broadcast(world, service, monkeypatch):
    monkeypatch.setattr("relayer.sender.ASK_AGAIN_SECONDS", 0.2)
    only_remote(world)
    service.sign_with = "stranger"
    async with world.relayer(**remote(service)):
        outbox_id = await world.enqueue()
        await eventually(lambda: _count(service.signed), lambda count: count >= 3, "asked three times")
        assert (await world.status(outbox_id)).state == "queued"
        assert await world.attempts(outbox_id) == []
        assert await world.nonce(STRANGER, "pending") == await world.nonce(FIRST, "pending") == 0
        alarm = "SELECT alarm FROM relay.lane WHERE address = %s AND alarm LIKE '%%does not sign%%'"
        await eventually(lambda: world.rows(alarm, address_of(FIRST)), bool, "alarm")
        service.sign_with = None
        assert (await world.until(outbox_id, "mined_ok")).nonce == 0


async def test_while_the_service_is_down_keys_in_memory_go_on(world, service):
    async with world.relayer(**remote(service, "second")):
        await eventually(
            lambda: world.rows("SELECT address FROM relay.lane"), lambda lanes: len(lanes) == 5, "all keys lead"
        )
        service.fails = lambda _: True
        for _ in range(8):
            outgoing = await world.until(await world.enqueue(), "mined_ok", seconds=10)
            assert outgoing.sender == address_of(FIRST)


async def test_what_is_on_its_way_is_looked_after_while_the_service_is_down(world, service):
    """It cannot be replaced, and it is still given out again and its receipt found."""
    only_remote(world)
    await world.rpc("evm_setAutomine", False)
    async with world.relayer(**remote(service), relayer_stuck_after_seconds=0.3):
        outbox_id = await world.enqueue()
        await world.until(outbox_id, "broadcast")
        service.fails = lambda _: True
        await asyncio.sleep(1.5)
        await world.rpc("anvil_mine")
        await world.until(outbox_id, "mined_ok")


async def test_a_service_that_is_down_at_the_start_is_waited_for(world, service):
    only_remote(world)
    service.token = "not yet known"
    async with world.relayer(**remote(service)):
        outbox_id = await world.enqueue()
        await asyncio.sleep(1)
        assert (await world.status(outbox_id)).state == "queued"
        service.token = TOKEN
        await world.until(outbox_id, "mined_ok")


async def test_killed_between_the_signature_and_its_record_nothing_was_broadcast(world, service):
    only_remote(world)
    service.holding = True
    outbox_id = await world.enqueue(to=(to := fresh_address()), value_wei=9)
    environment = {name.upper(): str(value) for name, value in remote(service).items()}
    process = world.process(**{**environment, "RELAYER_KMS_TIMEOUT_SECONDS": "30"})
    try:
        await asyncio.wait_for(service.reached.wait(), 30)
    finally:
        process.kill()
        process.wait()
    assert len(service.signed) == 1
    assert (await world.status(outbox_id)).state == "queued"
    assert await world.attempts(outbox_id) == []
    assert await world.nonce(FIRST, "pending") == 0
    service.holding = False
    async with world.relayer(**remote(service)):
        assert (await world.until(outbox_id, "mined_ok")).nonce == 0
    assert await world.balance(to) == 9
    assert await world.nonce(FIRST) == 1


async def _count(digests: list[bytes]) -> int:
    return len(digests)
