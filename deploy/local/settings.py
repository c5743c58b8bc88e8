"""What `make up` can be told. Every part that a setting names is used as it is; every other one is embedded."""

import os
from pathlib import Path

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict


class SettingsError(Exception):
    """A setting is missing or wrong; the message names each and says what to do."""


class LocalSettings(BaseSettings):
    """Read from the environment, then from `.env` in the folder where `make` runs."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", env_ignore_empty=True)

    molt_home: Path = Path(".molt")
    molt_port: int = Field(default=8000, ge=1, le=65535)
    public_url: str | None = None
    log_level: str = "INFO"
    log_format: str = "json"

    database_url: str | None = Field(default=None, pattern=r"^postgres(ql)?(\+psycopg)?://")
    cache_url: str | None = Field(default=None, pattern=r"^(redis|rediss|valkey|unix)://")
    rpc_urls: str | None = Field(default=None, pattern=r"^(https?|wss?)://")
    chain_id: int = 84532
    deployment_file: Path | None = None

    api_key_pepper: SecretStr | None = None
    operator_token: SecretStr | None = None

    block_time_seconds: int = Field(default=2, ge=1, le=60)
    """Of the embedded chain; two epochs of `epoch_blocks` make a block final."""
    epoch_blocks: int = Field(default=4, ge=1, le=64)

    @property
    def embeds_chain(self) -> bool:
        return self.rpc_urls is None

    def said(self, *prefixes: str) -> dict[str, str]:
        """What the environment or `.env` says of a service's own settings: passed on to it and to nobody else."""
        everything = {**dotenv_values(".env"), **os.environ}
        return {name: value for name, value in everything.items() if value and name.startswith(prefixes)}

    def demand_keys_for_a_real_chain(self) -> None:
        """Raises SettingsError when RPC_URLS names a chain and the keys to act on it are missing."""
        if self.embeds_chain:
            return
        missing = [
            f"{name}_KEY"
            for name in ("RELAYER", "REGISTRAR")
            if not self.said(f"{name}_KEY", f"{name}_KMS_KEY")  # …_KEY, …_KEYSTORE or …_KMS_KEY
        ]
        if missing:
            raise SettingsError(
                f"RPC_URLS names a real chain, so {' and '.join(missing)} (or …STORE, or …_KMS_KEY) must be set: "
                "the key that pays gas, and the key that registers wallets (docs/runbook.md, Keys)."
            )


def load() -> LocalSettings:
    """Raises SettingsError, naming every setting that is wrong."""
    try:
        settings = LocalSettings()
    except ValidationError as error:
        lines = [f"  {'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors()]
        raise SettingsError("These settings are wrong (.env.example explains each):\n" + "\n".join(lines)) from None
    settings.demand_keys_for_a_real_chain()
    return settings


def embedded(home: Path, *, port: int, block_time_seconds: int) -> LocalSettings:
    """Everything embedded in `home`, whatever the environment says."""
    return LocalSettings.model_construct(molt_home=home, molt_port=port, block_time_seconds=block_time_seconds)
