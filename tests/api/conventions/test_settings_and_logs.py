"""A wrong setting is named and never shown; a secret never reaches the log."""

import pytest

from api import log, settings
from api.pepper import NotOurs, Pepper

GOOD = {
    "DATABASE_URL": "postgresql://localhost/molt",
    "CACHE_URL": "redis://localhost:6379/0",
    "RPC_URLS": "https://rpc.example/v2/key-of-ours",
    "API_KEY_PEPPER": "5e" * 32,
}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.chdir(str(tmp_path))
    for name in (*GOOD, "API_DATABASE_URL", "OPERATOR_TOKEN", "LOCAL_CHAIN", "PUBLIC_URL", "MOLT_PORT"):
        monkeypatch.delenv(name, raising=False)


def test_all_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(settings.SettingsError) as raised:
        settings.load()
    for name in ("DATABASE_URL", "CACHE_URL", "RPC_URLS", "API_KEY_PEPPER"):
        assert name in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("API_KEY_PEPPER", "not-a-pepper-but-secret"),
        ("OPERATOR_TOKEN", "short-secret"),
        ("DATABASE_URL", "mysql://user:secret@host/db"),
        ("MOLT_PORT", "secret"),
    ],
)
def test_wrong_setting_is_named_without_its_value(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    for good, fine in GOOD.items():
        monkeypatch.setenv(good, fine)
    monkeypatch.setenv(name, value)
    with pytest.raises(settings.SettingsError) as raised:
        settings.load()
    assert name in str(raised.value)
    assert "secret" not in str(raised.value)


def test_secrets_stay_out_of_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    for good, fine in GOOD.items():
        monkeypatch.setenv(good, fine)
    shown = repr(settings.load())
    assert GOOD["API_KEY_PEPPER"] not in shown
    assert "key-of-ours" not in shown


@pytest.mark.parametrize(
    "event",
    [
        {"password": "hunter2hunter2"},
        {"headers": {"Authorization": "Bearer hunter2hunter2"}},
        {"error": "moltmotionpictures_abcdefghhunter2hunter2"},
        {"error": "moltsession_abcdefghhunter2hunter2"},
        {"url": "postgresql://molt:hunter2hunter2@host/db"},
        {"items": [{"api_key": "hunter2hunter2"}]},
    ],
)
def test_secrets_are_redacted(event: dict[str, object]) -> None:
    assert "hunter2" not in str(log.redact(None, "info", event))


def test_facts_are_not() -> None:
    event = {"event": "split_recorded", "tx_hash": "0xabc", "amount_micro_usdc": 5}
    assert log.redact(None, "info", dict(event)) == event


def test_sealed_opens_only_with_both_halves() -> None:
    pepper = Pepper(b"p" * 32)
    sealed = pepper.seal("idempotency", b"client's key", b"answer")
    assert b"answer" not in sealed
    assert pepper.unseal("idempotency", b"client's key", sealed) == b"answer"
    for other, context, altered in (
        (Pepper(b"q" * 32), b"client's key", sealed),
        (pepper, b"another key", sealed),
        (pepper, b"client's key", sealed[:-1] + bytes([sealed[-1] ^ 1])),
        (pepper, b"client's key", b""),
    ):
        with pytest.raises(NotOurs):
            other.unseal("idempotency", context, altered)
