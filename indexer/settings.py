"""What the indexer needs to know, read from the environment once, in `__main__`."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, NonNegativeFloat, PositiveFloat, PositiveInt, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Settings(BaseSettings):
    """Each field's environment variable is its name in capitals, unless an alias is given."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", populate_by_name=True)

    database_url: str = Field(validation_alias=AliasChoices("INDEXER_DATABASE_URL", "DATABASE_URL"))
    rpc_urls: Annotated[list[str], NoDecode, Field(min_length=1)]
    """Comma-separated. The first is asked; the others when it fails or lies."""
    ws_urls: Annotated[list[str], NoDecode] = Field(default=[], validation_alias=AliasChoices("INDEXER_WS_URLS"))
    """Comma-separated. Nodes that announce new heads, which are then asked of the providers; none: only polling."""
    requests_per_second: NonNegativeFloat = Field(
        default=0, validation_alias=AliasChoices("INDEXER_REQUESTS_PER_SECOND")
    )
    """To each provider at most; every question of a batch counts. 0: as many as it takes."""
    chain_id: PositiveInt = 84532
    deployment_file: Path | None = None
    """None: `contracts/deployments/<chain_id>.json`."""
    poll_seconds: PositiveFloat = Field(default=0.5, validation_alias=AliasChoices("INDEXER_POLL_SECONDS"))
    range_blocks: PositiveInt = Field(default=2000, validation_alias=AliasChoices("INDEXER_RANGE_BLOCKS"))
    """The widest range of final blocks in one batch. Refused ranges are halved."""
    receipts: Literal["never", "live", "always"] = Field(
        default="live", validation_alias=AliasChoices("INDEXER_RECEIPTS")
    )
    """Of which blocks the receipts root is recomputed, which proves that no log was left out: of none, of those not yet
    final, or of all. It takes every receipt of the block over the wire."""
    reconcile_seconds: NonNegativeFloat = Field(default=5.0, validation_alias=AliasChoices("INDEXER_RECONCILE_SECONDS"))
    """Between two slices of the reconciliation that never ends; 0 turns it off."""
    metrics_port: int = Field(default=0, validation_alias=AliasChoices("INDEXER_METRICS_PORT"))
    """`/metrics` and `/ready`; 0 turns them off."""
    metrics_host: str = Field(default="127.0.0.1", validation_alias=AliasChoices("INDEXER_METRICS_HOST"))
    """They name providers and amounts of work, no secrets; still, whoever asks need not be anybody."""
    log_format: Literal["json", "console"] = "console"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("rpc_urls", "ws_urls", mode="before")
    @classmethod
    def _split_urls(cls, value: object) -> object:
        return [url.strip() for url in value.split(",") if url.strip()] if isinstance(value, str) else value

    @field_validator("log_level", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value
