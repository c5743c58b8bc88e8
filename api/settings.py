"""What the API can be told, read from the environment (then `.env`) when a command starts; never at import."""

from pathlib import Path
from typing import Annotated

from pydantic import AliasChoices, Field, IPvAnyNetwork, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PUBLIC_RPC_URLS = {8453: "https://mainnet.base.org", 84532: "https://sepolia.base.org"}
_POSTGRES = r"^postgres(ql)?(\+psycopg)?://"


class SettingsError(Exception):
    """A setting is missing or wrong; the message names each and says what to do."""


class MigrateSettings(BaseSettings):
    """What `migrate` needs: the owner's login, which may create schemas and roles."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", env_ignore_empty=True, hide_input_in_errors=True)

    database_url: str = Field(pattern=_POSTGRES)
    log_level: str = Field(default="INFO", pattern=r"^(DEBUG|INFO|WARNING|ERROR)$")
    log_format: str = Field(default="json", pattern=r"^(json|console)$")


class ApiSettings(MigrateSettings):
    """What `run` and `worker` need."""

    database_url: str = Field(validation_alias=AliasChoices("API_DATABASE_URL", "DATABASE_URL"), pattern=_POSTGRES)
    cache_url: str = Field(pattern=r"^(redis|rediss|valkey|valkeys|unix)://")
    rpc_urls: Annotated[list[SecretStr], NoDecode] = Field(min_length=1)
    """Comma-separated; asked in order until one answers. Secret because providers put their key into the path."""
    wallet_rpc_url: str | None = Field(default=None, pattern=r"^https?://")
    """What `GET /chain` tells wallets to use; default: the local chain itself, else the network's public RPC."""
    chain_id: int = 84532
    deployment_file: Path | None = None
    local_chain: bool = False
    """The chain is a throwaway one: the faucet works, and its RPC may be told to anyone."""

    molt_host: str = "127.0.0.1"
    molt_port: int = Field(default=8000, ge=1, le=65535)
    public_url: str | None = Field(default=None, pattern=r"^https?://")
    """How users reach us; default http://127.0.0.1:$MOLT_PORT. Sign-in messages and links name it."""

    api_key_pepper: SecretStr
    """32 bytes in hex. API keys, sessions and claim codes are stored only as HMAC under it."""
    operator_token: SecretStr | None = Field(default=None)
    """What operator calls present as bearer token; without it there is no operator."""

    database_pool_size: int = Field(default=10, ge=2, le=200)
    worker_concurrency: int = Field(default=8, ge=1, le=100)
    voting_period_seconds: int = Field(default=48 * 3600, ge=60)
    """How long a period of voting is open."""
    audit_seal_seconds: int = Field(default=300, ge=1)
    """How long an event of the audit log waits for its seal, unless a thousand wait. Each seal is a transaction."""
    gasless_queue: int = Field(default=500, ge=1)
    """Transactions that may wait for the relayer; above it gasless tips are answered 503."""
    gasless_tips: int = Field(default=20_000, ge=1)
    """Gasless tips in any 24 hours."""
    gasless_tips_per_payer: int = Field(default=200, ge=1)
    """Gasless tips of one wallet in any 24 hours."""
    webhook_networks: Annotated[list[IPvAnyNetwork], NoDecode] = []
    """Comma-separated private networks that webhooks may reach all the same (development); over http, too."""
    max_lag_blocks: int = Field(default=30, ge=1)
    """A ledger further behind the chain than this is not ready."""
    max_silence_seconds: int = Field(default=60, ge=5)
    """A ledger that was not updated for so long is not ready."""

    @field_validator("rpc_urls", "webhook_networks", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("api_key_pepper")
    @classmethod
    def _is_32_bytes(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value().removeprefix("0x")
        if len(text) != 64 or any(c not in "0123456789abcdefABCDEF" for c in text):  # noqa: PLR2004 - 32 bytes in hex
            raise ValueError("must be 64 hexadecimal digits; `openssl rand -hex 32` makes one")
        return value

    @field_validator("operator_token")
    @classmethod
    def _is_long(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 20:  # noqa: PLR2004 - about 120 bits of base64
            raise ValueError("must have 20 characters at least; `openssl rand -hex 32` makes one")
        return value

    @property
    def url(self) -> str:
        return (self.public_url or f"http://127.0.0.1:{self.molt_port}").rstrip("/")

    @property
    def pepper(self) -> bytes:
        return bytes.fromhex(self.api_key_pepper.get_secret_value().removeprefix("0x"))

    @property
    def wallets_rpc_url(self) -> str | None:
        if self.wallet_rpc_url:
            return self.wallet_rpc_url
        return self.rpc_urls[0].get_secret_value() if self.local_chain else PUBLIC_RPC_URLS.get(self.chain_id)


def load() -> ApiSettings:
    """Raises SettingsError, naming every setting that is wrong (never its value)."""
    try:
        return ApiSettings()
    except ValidationError as error:
        raise _explained(error) from None


def load_migrate() -> MigrateSettings:
    """Raises SettingsError."""
    try:
        return MigrateSettings()
    except ValidationError as error:
        raise _explained(error) from None


def _explained(error: ValidationError) -> SettingsError:
    lines = [f"  {str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors(include_input=False)]
    return SettingsError("These settings are missing or wrong (.env.example explains each):\n" + "\n".join(lines))
