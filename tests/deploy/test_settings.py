"""What `make up` can be told, and what it says of what is wrong."""

import shutil
from pathlib import Path

import pytest

from deploy.local import settings as local_settings
from deploy.local.chain import ROOT
from deploy.local.home import Home, HomeInUseError
from deploy.local.settings import SettingsError


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder without `.env`, an environment without our settings."""
    for name in ("RPC_URLS", "DATABASE_URL", "CACHE_URL", "MOLT_PORT", "MOLT_HOME", "RELAYER_KEY", "REGISTRAR_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_example_file_changes_nothing(nothing_said: Path):
    defaults = local_settings.load()
    shutil.copy(ROOT / ".env.example", nothing_said / ".env")
    assert local_settings.load() == defaults


def test_every_wrong_setting_is_named_at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MOLT_PORT", "99999")
    monkeypatch.setenv("RPC_URLS", "nonsense")
    with pytest.raises(SettingsError) as error:
        local_settings.load()
    assert "MOLT_PORT" in str(error.value)
    assert "RPC_URLS" in str(error.value)


def test_a_real_chain_needs_the_keys_to_act_on_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RPC_URLS", "https://rpc.example")
    with pytest.raises(SettingsError, match="RELAYER_KEY and REGISTRAR_KEY"):
        local_settings.load()
    monkeypatch.setenv("RELAYER_KEYSTORE", "relayer.json")
    with pytest.raises(SettingsError, match="so REGISTRAR_KEY"):
        local_settings.load()
    monkeypatch.setenv("REGISTRAR_KMS_KEY", "alias/registrar")
    local_settings.load()


def test_a_service_is_told_its_own_settings_only(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RELAYER_MAX_FEE_GWEI", "7")
    monkeypatch.setenv("INDEXER_POLL_SECONDS", "2")
    assert local_settings.load().said("RELAYER_")["RELAYER_MAX_FEE_GWEI"] == "7"
    assert "INDEXER_POLL_SECONDS" not in local_settings.load().said("RELAYER_")


def test_one_platform_a_home(tmp_path: Path):
    with Home(tmp_path).locked(), pytest.raises(HomeInUseError), Home(tmp_path).locked():
        pass


def test_secrets_are_made_once_and_are_private(tmp_path: Path):
    secret = Home(tmp_path).secret("operator-token")
    assert Home(tmp_path).secret("operator-token") == secret
    assert (tmp_path / "operator-token").stat().st_mode & 0o777 == 0o600
