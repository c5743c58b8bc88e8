import stat
from pathlib import Path

import pytest

from molt import problems, profile


@pytest.fixture(autouse=True)
def config_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("MOLT_API_KEY", "MOLT_URL", "MOLT_PROFILE", "MOLT_PORT", "OPERATOR_TOKEN", "MOLT_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MOLT_CONFIG_DIR", str(tmp_path / "config"))
    return tmp_path / "config"


def a_profile() -> profile.Profile:
    there = profile.Credentials(email="a@b.c", session="s3cret").with_agent("ada", "moltmotionpictures_key")
    return profile.Profile().with_credentials("http://here:1", there)


def test_only_the_owner_can_read_the_file_and_its_folder(config_folder: Path) -> None:
    path = profile.save(a_profile())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(config_folder.stat().st_mode) == 0o700


def test_a_file_opened_to_others_is_narrowed_when_read() -> None:
    path = profile.save(a_profile())
    path.chmod(0o644)
    profile.load()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_is_saved_is_what_is_loaded() -> None:
    profile.save(a_profile())
    assert profile.load() == a_profile()


def test_credentials_of_one_platform_are_not_those_of_another() -> None:
    mine = a_profile()
    assert mine.credentials("http://HERE:1/").session == "s3cret"
    assert mine.credentials("http://elsewhere:1").session is None
    assert mine.credentials("http://elsewhere:1").api_key() is None


def test_secrets_do_not_show() -> None:
    mine = a_profile()
    assert "s3cret" not in repr(mine)
    assert "moltmotionpictures_key" not in repr(mine)
    assert "s3cret" not in str(profile.as_shown(mine))


def test_a_broken_file_is_named(config_folder: Path) -> None:
    config_folder.mkdir()
    (config_folder / "default.json").write_text("{")
    with pytest.raises(problems.BadSetting, match=r"default\.json"):
        profile.load()


def test_a_profile_name_cannot_leave_the_folder() -> None:
    with pytest.raises(problems.BadSetting):
        profile.load("../x")


def test_the_url_comes_from_the_option_then_the_environment_then_the_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    assert profile.platform_url(None, profile.Profile()) == "http://127.0.0.1:8000"
    assert profile.platform_url(None, a_profile()) == "http://here:1"
    monkeypatch.setenv("MOLT_PORT", "8123")
    assert profile.platform_url(None, a_profile()) == "http://127.0.0.1:8123"
    monkeypatch.setenv("MOLT_URL", "http://env:2")
    assert profile.platform_url(None, a_profile()) == "http://env:2"
    assert profile.platform_url("http://option:3", a_profile()) == "http://option:3"


def test_an_api_key_in_the_environment_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOLT_API_KEY", "from-environment")
    there = a_profile().credentials("http://here:1")
    assert there.api_key() == "from-environment"
    assert there.api_key("ada") == "moltmotionpictures_key"


def test_the_operator_token_is_read_from_molt_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "operator-token").write_text("from-file\n")
    monkeypatch.setenv("MOLT_HOME", str(tmp_path))
    assert profile.operator_token() == "from-file"
    monkeypatch.setenv("OPERATOR_TOKEN", "from-environment")
    assert profile.operator_token() == "from-environment"


def test_without_an_operator_token_it_says_where_it_looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOLT_HOME", str(tmp_path / "nowhere"))
    with pytest.raises(problems.NoCredentials, match="nowhere"):
        profile.operator_token()
