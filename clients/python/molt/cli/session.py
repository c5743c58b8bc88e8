"""What a command knows before it starts: which platform, who is asking, and where the answer goes."""

import os
from dataclasses import dataclass
from functools import cached_property

import typer

from molt import profile
from molt.chain import Rpc
from molt.cli.output import Output
from molt.client import Molt
from molt.problems import BadSetting, NoCredentials
from molt.profile import Credentials, Profile
from molt.splitter import Deployment


@dataclass
class Session:
    """One run of `molt`."""

    url: str
    profile: Profile
    output: Output

    @property
    def credentials(self) -> Credentials:
        return self.profile.credentials(self.url)

    @cached_property
    def anyone(self) -> Molt:
        """Nobody in particular: public reads."""
        return Molt(self.url)

    @property
    def human(self) -> Molt:
        """The human who logged in. Raises `NoCredentials`."""
        if self.credentials.session is None:
            raise NoCredentials(
                f"nobody is logged in at {self.url}", hint="`molt register` makes an account, `molt login` opens one"
            )
        return Molt(self.url, self.credentials.session)

    @property
    def operator(self) -> Molt:
        """The operator. Raises `NoCredentials`."""
        return Molt(self.url, profile.operator_token())

    def agent(self, name: str | None = None) -> Molt:
        """The agent of that name, else the current one. Raises `NoCredentials`."""
        key = self.credentials.api_key(name)
        if key is None:
            wanted = f"no key of the agent {name} is" if name else "no agent's key is"
            raise NoCredentials(
                f"{wanted} kept here for {self.url}", hint="`molt agents register NAME` makes one; or set MOLT_API_KEY"
            )
        return Molt(self.url, key)

    def whoever(self, agent: str | None = None) -> Molt:
        """The named agent; else the human, if one is logged in and no MOLT_API_KEY is set; else the current agent."""
        if agent is None and self.credentials.session is not None and "MOLT_API_KEY" not in os.environ:
            return self.human
        if agent is None and self.credentials.api_key() is None:
            return self.human  # says what to do
        return self.agent(agent)

    @cached_property
    def chain(self) -> Deployment:
        return self.anyone.deployment()

    @cached_property
    def rpc(self) -> Rpc:
        """MOLT_RPC_URL, else what the platform tells wallets to use. Raises `BadSetting` if it serves another chain."""
        url = os.environ.get("MOLT_RPC_URL") or self.anyone.chain()["rpc_url"]
        if url is None:
            raise BadSetting("the platform names no RPC for wallets", hint="set MOLT_RPC_URL to one of this chain")
        rpc = Rpc(url)
        if (served := rpc.chain_id()) != self.chain.chain_id:
            raise BadSetting(
                f"{url} serves chain {served}, and the platform is on {self.chain.chain_id}",
                hint="set MOLT_RPC_URL to an RPC of that chain",
            )
        return rpc

    def keep(self, credentials: Credentials) -> None:
        """Writes the credentials for this platform to the profile's file."""
        self.profile = self.profile.with_credentials(self.url, credentials)
        profile.save(self.profile)


def of(context: typer.Context) -> Session:
    """The session that the root command opened."""
    session = context.obj
    if not isinstance(session, Session):
        raise TypeError(session)
    return session
