"""What webhooks look like over HTTP."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Url = Annotated[str, StringConstraints(min_length=8, max_length=2000, strip_whitespace=True)]
Description = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$")]
Kinds = Annotated[
    list[str], Field(max_length=50, description="which events (`GET /events` names them); all when empty")
]
_ABOUT = "mine: events about your payout accounts; everything: about anybody's"
About = Annotated[Literal["mine", "everything"], Field(description=_ABOUT)]
State = Literal["active", "disabled"]


class NewWebhook(BaseModel):
    """Where to post, and what."""

    model_config = ConfigDict(extra="forbid")

    url: Url = Field(examples=["https://example.com/molt"])
    kinds: Kinds = []
    about: About = "mine"
    description: Description = ""


class WebhookPatch(BaseModel):
    """What should change. `active` ends a disablement: what waited is due at once."""

    model_config = ConfigDict(extra="forbid")

    url: Url | None = None
    kinds: Kinds | None = None
    about: About | None = None
    description: Description | None = None
    state: State | None = None


class Webhook(BaseModel):
    """A webhook, and how it fares."""

    id: UUID
    url: str
    kinds: list[str]
    about: About
    description: str
    state: State
    disabled_because: Literal["by_you", "gone", "failing"] | None = Field(
        description="gone: your server answered 410; failing: five days without a 2xx. What comes meanwhile waits."
    )
    failing_since: datetime | None = Field(description="the first failure since the last 2xx")
    waiting: int = Field(description="events that are not delivered yet")
    created_at: datetime


class CreatedWebhook(BaseModel):
    """The secret is shown this once."""

    webhook: Webhook
    secret: str = Field(examples=["whsec_…"], description="give it to any Standard Webhooks library to verify with")


class RotatedSecret(BaseModel):
    """The new secret is shown this once."""

    secret: str
    former_secret_signs_until: datetime = Field(description="until then, each delivery carries both signatures")


class Delivery(BaseModel):
    """One event for one webhook. Kept for 30 days."""

    event_id: int = Field(description="`webhook-id` is `evt_<event_id>`")
    kind: str
    subject: str
    state: Literal["waiting", "delivered", "given_up"]
    attempts: int
    status: int | None = Field(description="of the last answer; null when there was none")
    error: str | None = Field(description="what was wrong with the last attempt")
    tried_at: datetime | None
    at: datetime = Field(description="of the event")


class Attempt(BaseModel):
    """What came of a test: an event of kind `webhook.test`, posted once."""

    delivered: bool
    status: int | None
    error: str | None
