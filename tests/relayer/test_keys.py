"""A key signs, and shows itself nowhere."""

import copy
import io
import json
import logging
import pickle
import subprocess
import sys
import traceback

import httpx
import pytest
import structlog
from eth_account import Account

from relayer import keys, settings
from relayer.fees import Fees
from relayer.keys import LocalKey, Unsigned
from relayer.settings import RelayerSettings, SettingsError
from tests.relayer.world import ROOT, eventually

SECRET = "7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6"
BASE = {"DATABASE_URL": "postgresql://molt:hunter2@db/molt", "rpc_urls": "https://rpc.example/v2/provider-key"}
TRANSACTION = Unsigned(
    chain_id=84532, nonce=7, to=b"\1" * 20, data=b"\2", value_wei=3, gas_limit=50_000, fees=Fees(10, 1)
)


def some_settings(**changes) -> RelayerSettings:
    return RelayerSettings(_env_file=None, **{**BASE, **changes})


async def loaded(given: RelayerSettings):
    async with httpx.AsyncClient() as client:
        return await keys.load(given, client)


async def test_what_is_signed_recovers_to_the_keys_address_and_has_the_hash_it_says():
    (signer,) = (await loaded(some_settings(relayer_key=SECRET)))["relayer"]
    signed = await signer.sign(TRANSACTION)
    assert bytes.fromhex(Account.recover_transaction(signed.raw)[2:]) == signer.address
    assert signed.transaction == TRANSACTION
    again = await signer.sign(TRANSACTION)
    assert again == signed  # RFC 6979: the same transaction has one signature, so one hash


async def test_a_keystore_opens_with_its_password_file(tmp_path):
    store, password = tmp_path / "key.json", tmp_path / "password"
    store.write_text(json.dumps(Account.encrypt(SECRET, "open sesame", kdf="pbkdf2", iterations=2)))
    password.write_text("open sesame\n")
    found = await loaded(some_settings(registrar_keystore=store, registrar_keystore_password_file=password))
    assert list(found) == ["registrar"]
    assert found["registrar"][0].address == bytes.fromhex(Account.from_key(SECRET).address[2:])


async def test_several_keys_of_the_relayer_each_with_its_password_or_one_for_all(tmp_path):
    secrets, passwords = [SECRET, SECRET[::-1]], ["open sesame", "sesame open"]
    stores, files = [tmp_path / "a.json", tmp_path / "b.json"], [tmp_path / "a", tmp_path / "b"]
    for secret, password, store, file in zip(secrets, passwords, stores, files, strict=True):
        store.write_text(json.dumps(Account.encrypt(secret, password, kdf="pbkdf2", iterations=2)))
        file.write_text(password)
    addresses = [bytes.fromhex(Account.from_key(secret).address[2:]) for secret in secrets]

    async def addresses_of(**changes):
        return [signer.address for signer in (await loaded(some_settings(**changes)))["relayer"]]

    assert await addresses_of(relayer_key=", ".join(secrets)) == addresses
    in_files = {"relayer_keystore": f"{stores[0]},{stores[1]}"}
    assert await addresses_of(**in_files, relayer_keystore_password_file=f"{files[0]},{files[1]}") == addresses
    stores[1].write_text(json.dumps(Account.encrypt(secrets[1], passwords[0], kdf="pbkdf2", iterations=2)))
    assert await addresses_of(**in_files, relayer_keystore_password_file=str(files[0])) == addresses


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({}, "RELAYER_KEY"),
        ({"registrar_key": f"{SECRET},{SECRET[::-1]}"}, "REGISTRAR_KEY"),
        ({"faucet_key": f"{SECRET},{SECRET[::-1]}"}, "FAUCET_KEY"),
        ({"relayer_key": f"{SECRET},0x{SECRET}"}, "RELAYER_KEY"),
        ({"relayer_key": f"{SECRET},{SECRET[:-2]}"}, "RELAYER_KEY"),
        ({"relayer_keystore": "/a,/b,/c", "relayer_keystore_password_file": "/a,/b"}, "RELAYER_KEYSTORE_PASSWORD_FILE"),
        ({"relayer_key": SECRET[:-2]}, "RELAYER_KEY"),
        ({"relayer_key": SECRET[:-2] + "zz"}, "RELAYER_KEY"),
        ({"faucet_key": "00" * 32}, "FAUCET_KEY"),
        ({"relayer_key": SECRET, "relayer_keystore": "/nowhere"}, "RELAYER_KEYSTORE"),
        ({"relayer_keystore": "/nowhere"}, "RELAYER_KEYSTORE_PASSWORD_FILE"),
        ({"relayer_keystore": "/nowhere", "relayer_keystore_password_file": "/nowhere"}, "RELAYER_KEYSTORE"),
    ],
)
async def test_a_key_that_cannot_be_used_is_named_and_not_shown(changes, named):
    with pytest.raises(SettingsError) as refused:
        await loaded(some_settings(**changes))
    assert named in str(refused.value)
    shown = "".join(traceback.format_exception(refused.value))
    assert SECRET[:-2] not in shown
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None


async def test_no_repr_error_or_copy_of_a_key_or_of_the_settings_shows_a_secret():
    given = some_settings(relayer_key=SECRET)
    (signer,) = (await loaded(given))["relayer"]
    shown = [repr(signer), str(signer), f"{signer}", repr(vars(given)), repr(given), str(given)]
    shown += [given.model_dump_json(exclude={"database_url"})]
    output = io.StringIO()
    structlog.PrintLogger(output).info(structlog.dev.ConsoleRenderer()(None, "info", {"event": "x", "signer": signer}))
    logging.getLogger("test").warning("%s %s", signer, given)
    for text in [*shown, output.getvalue()]:
        assert SECRET not in text
        assert str(int(SECRET, 16)) not in text
    assert "hunter2" not in repr(given)
    assert "provider-key" not in repr(given)
    for leak in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            leak(signer)
    with pytest.raises(TypeError):
        vars(signer)  # no __dict__ for a serializer to walk
    assert isinstance(signer, LocalKey)


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({}, ["DATABASE_URL", "RPC_URLS"]),
        ({"DATABASE_URL": "mysql://x", "RPC_URLS": "http://x"}, ["DATABASE_URL"]),
        ({"DATABASE_URL": "postgresql:///x", "RPC_URLS": "http://x", "RELAYER_MAX_FEE_GWEI": SECRET}, ["MAX_FEE_GWEI"]),
        (
            {"DATABASE_URL": "postgresql:///x", "RPC_URLS": "http://x", "RELAYER_KMS_URL": f"http://{SECRET}["},
            ["KMS_URL"],
        ),
    ],
)
def test_wrong_settings_are_named_and_their_values_are_not_shown(environment, named, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "RELAYER_DATABASE_URL", "RPC_URLS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        settings.load()
    for name in named:
        assert name in str(refused.value)
    assert SECRET not in str(refused.value)


async def test_a_running_relayer_logs_no_key_even_at_debug_and_when_everything_fails(world, tmp_path):
    world.keys["RELAYER_KEY"] = SECRET
    log = tmp_path / "relayer.log"
    secrets = {**world.keys, "RPC": "provider-key"}
    process = world.process(log, LOG_LEVEL="DEBUG", RPC_URLS=f"http://127.0.0.1:9/v2/provider-key,{world.rpc_url}")
    try:
        await world.rpc("anvil_setBalance", "0x" + Account.from_key(SECRET).address[2:], hex(10**18))
        await world.until(await world.enqueue(), "mined_ok", seconds=30)
        await world.rows("ALTER TABLE relay.attempt RENAME TO elsewhere")  # a failure nobody foresaw, with a traceback
        await world.enqueue()
        await eventually(lambda: _read(log), lambda text: "pass_failed" in text, "failed", seconds=20)
    finally:
        process.terminate()
        process.wait(10)
    text = log.read_text()
    assert "transaction_mined" in text
    for secret in secrets.values():
        assert secret.removeprefix("0x") not in text
    assert "db/molt" not in text


async def _read(path) -> str:
    return path.read_text()


def test_the_command_says_what_is_missing_and_ends_with_2(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-m", "relayer", "run"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert "RPC_URLS" in ended.stderr
    assert "Traceback" not in ended.stderr
