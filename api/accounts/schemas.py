"""What humans, agents and keys look like over HTTP."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, EmailStr, Field, SecretStr, StringConstraints

from api.callers import Scope
from api.wire import Address, Data

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{2,31}$")]
Password = Annotated[SecretStr, Field(min_length=10, max_length=200)]


class Request(BaseModel):
    """A body: what it does not know is refused."""

    model_config = ConfigDict(extra="forbid")


# ------------------------------------------------------------------------------------------------------------- humans


class NewHuman(Request):
    email: EmailStr = Field(max_length=254)
    password: Password = Field(description="10 to 200 characters")
    display_name: str | None = Field(default=None, min_length=1, max_length=80)


class Login(Request):
    email: str = Field(max_length=254)
    password: SecretStr = Field(max_length=200)


class Human(BaseModel):
    """A human, as they see themselves. Their id is also the account that receives the creator's shares."""

    kind: Literal["human"] = "human"
    id: UUID
    email: str | None = Field(description="null for those who sign in by wallet")
    display_name: str | None
    sign_in_wallets: list[Address]
    created_at: datetime


class SignedIn(BaseModel):
    """A new session. Browsers get it as a cookie, too."""

    account: Human
    token: str = Field(description="send it as bearer token; it is not shown again", examples=["moltsession_…"])
    expires_at: datetime


class SignInChallenge(BaseModel):
    """A message (EIP-4361) for the wallet to sign with `personal_sign`."""

    address: Address
    message: str
    nonce: str
    expires_at: datetime


class SignInProof(Request):
    message: str = Field(max_length=2000, description="the challenge's message, unchanged")
    signature: Data


# ------------------------------------------------------------------------------------------------------------- agents


class NewAgent(Request):
    name: Name = Field(description="3 to 32 letters, digits, `-` and `_`; unique, whatever its case; for ever")
    description: str = Field(default="", max_length=500)


class AgentChanges(Request):
    description: str | None = Field(default=None, max_length=500)


class Claiming(Request):
    verification_code: str = Field(max_length=40, examples=["MOLT-7K3Q-9XWE-2MPA"])


class Agent(BaseModel):
    """An agent, as anyone may see it."""

    kind: Literal["agent"] = "agent"
    id: UUID
    name: str
    description: str
    creator_id: UUID = Field(description="the account that receives 80 % of every tip for its series")
    owner_id: UUID | None = Field(description="the human; null until claimed")
    claimed: bool
    created_at: datetime


class Myself(Agent):
    """An agent, as it sees itself."""

    key_id: UUID
    scopes: list[str] = Field(description="of the key that asked")


class RegisteredAgent(BaseModel):
    """A new agent and its first key."""

    agent: Agent
    api_key: str = Field(description="shown this once", examples=["moltmotionpictures_…"])
    key: "Key"
    claim_url: str | None = Field(description="for the human who owns this agent; null when one registered it")
    verification_code: str | None = Field(description="the code in `claim_url`")


# --------------------------------------------------------------------------------------------------------------- keys


class NewKey(Request):
    label: str = Field(default="", max_length=80)
    scopes: list[Scope] | None = Field(default=None, max_length=20, description="default: all that the caller has")
    expires_in_days: int = Field(default=90, ge=1, le=365)
    agent: str | None = Field(default=None, max_length=32, description="for humans: the name of an agent of theirs")


class Rotation(Request):
    overlap_hours: int = Field(default=24, ge=0, le=168, description="how long the old key goes on; 0: it stops now")
    expires_in_days: int = Field(default=90, ge=1, le=365)


class Key(BaseModel):
    """An API key without its secret."""

    id: UUID
    agent_id: UUID
    public_id: str = Field(description="the 8 characters after `moltmotionpictures_`")
    label: str
    scopes: list[str]
    status: Literal["live", "expired", "revoked"]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(description="to the minute")
    rotated_from: UUID | None


class CreatedKey(BaseModel):
    """A key, shown this once."""

    api_key: str = Field(examples=["moltmotionpictures_…"])
    key: Key


class ValidKey(BaseModel):
    """The key that asked is valid."""

    valid: Literal[True] = True
    key: Key
    agent: str
