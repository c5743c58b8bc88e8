"""What the relayer can be told, read from the environment (then `.env`) when a command starts."""

from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import AliasChoices, AnyHttpUrl, Field, Secret, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

WEI_PER_GWEI = 10**9
WEI_PER_ETH = 10**18


class SettingsError(Exception):
    """A setting is missing or wrong; the message names each and says what to do."""


class DatabaseSettings(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env", extra="ignore", env_ignore_empty=True, hide_input_in_errors=True)

    database_url: str = Field(
        validation_alias=AliasChoices("RELAYER_DATABASE_URL", "DATABASE_URL"),
        pattern=r"^postgres(ql)?(\+psycopg)?://",
        repr=False,
    )
    log_level: str = Field(default="INFO", pattern=r"(?i)^(debug|info|warning|error)$")
    log_format: str = Field(default="json", pattern=r"^(json|console)$")


Secrets = Annotated[list[SecretStr], NoDecode]
Paths = Annotated[list[Path], NoDecode]
Names = Annotated[list[str], NoDecode]
KEY_SETTINGS = [
    f"{name}_{setting}"
    for name in ("relayer", "registrar", "faucet", "auditor")
    for setting in ("key", "keystore", "keystore_password_file", "kms_key")
]
"""Each takes several values."""


class RelayerSettings(DatabaseSettings):
    rpc_urls: Secrets = Field(min_length=1)
    """Comma-separated; asked in order until one answers. Secret because providers put their key into the path."""
    chain_id: int = 84532

    relayer_key: Secrets = Field(default_factory=list)
    """Comma-separated, as are its keystores: several keys send side by side."""
    relayer_keystore: Paths = Field(default_factory=list)
    relayer_keystore_password_file: Paths = Field(default_factory=list)
    """One for all keystores, or one for each in the same order."""
    registrar_key: Secrets = Field(default_factory=list)
    registrar_keystore: Paths = Field(default_factory=list)
    registrar_keystore_password_file: Paths = Field(default_factory=list)
    faucet_key: Secrets = Field(default_factory=list)
    faucet_keystore: Paths = Field(default_factory=list)
    faucet_keystore_password_file: Paths = Field(default_factory=list)
    auditor_key: Secrets = Field(default_factory=list)
    auditor_keystore: Paths = Field(default_factory=list)
    auditor_keystore_password_file: Paths = Field(default_factory=list)
    relayer_kms_key: Names = Field(default_factory=list)
    """Names of keys that the signing service keeps, beside or in place of the others (docs/keys.md)."""
    registrar_kms_key: Names = Field(default_factory=list)
    faucet_kms_key: Names = Field(default_factory=list)
    auditor_kms_key: Names = Field(default_factory=list)
    relayer_kms_url: Secret[AnyHttpUrl] | None = None
    relayer_kms_token: SecretStr | None = None
    """Presented to it as a bearer token."""
    relayer_kms_timeout_seconds: float = Field(default=5.0, gt=0, le=30)
    """For one answer of it."""

    relayer_retired: Names = Field(default_factory=list)
    """Addresses of keys that take nothing new and finish what they signed."""

    relayer_max_in_flight: int = Field(default=16, ge=1, le=1000)
    """Signed and not yet mined, of one key. Nodes commonly keep 16 for a sender."""
    relayer_poll_seconds: float = Field(default=1.0, gt=0)
    """Between two looks at the chain while something is in flight."""
    relayer_stuck_after_seconds: float = Field(default=30.0, gt=0)
    """Replaced with a higher fee when not mined by then."""
    relayer_max_fee_gwei: Decimal = Field(default=Decimal(50), gt=0)
    """Never offered more for a unit of gas; above it requests wait."""
    relayer_max_priority_fee_gwei: Decimal = Field(default=Decimal(5), gt=0)
    relayer_low_balance_eth: Decimal = Field(default=Decimal("0.005"), ge=0)
    """Below it the key's alarm is raised."""

    @field_validator("rpc_urls", "relayer_retired", *KEY_SETTINGS, mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        return value if isinstance(value, list) else [value]

    @property
    def max_fee_wei(self) -> int:
        return int(self.relayer_max_fee_gwei * WEI_PER_GWEI)

    @property
    def max_priority_fee_wei(self) -> int:
        return int(self.relayer_max_priority_fee_gwei * WEI_PER_GWEI)

    @property
    def low_balance_wei(self) -> int:
        return int(self.relayer_low_balance_eth * WEI_PER_ETH)


def load_database() -> DatabaseSettings:
    """What `migrate` and `status` need. Raises SettingsError."""
    try:
        return DatabaseSettings()
    except ValidationError as error:
        raise _explained(error) from None


def load() -> RelayerSettings:
    """Raises SettingsError, naming every setting that is wrong (never its value)."""
    try:
        return RelayerSettings()
    except ValidationError as error:
        raise _explained(error) from None


def _explained(error: ValidationError) -> SettingsError:
    lines = [f"  {'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors(include_input=False)]
    return SettingsError("These settings are missing or wrong (.env.example explains each):\n" + "\n".join(lines))
