"""Which platform, and who one is there: a JSON file per profile in the usual config folder, readable by its owner only.

Credentials are kept per platform address, so that `--url` somewhere else never sends them there.
"""

import json
import os
import tempfile
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import typer

from molt.http import normalised
from molt.problems import BadSetting, NoCredentials

_OWNER_ONLY_FILE = 0o600
_OWNER_ONLY_FOLDER = 0o700


@dataclass(frozen=True)
class Credentials:
    """What one platform gave us. Secrets stay out of `repr`."""

    email: str | None = None
    session: str | None = field(default=None, repr=False)
    agents: dict[str, str] = field(default_factory=dict, repr=False)  # name → API key
    agent: str | None = None  # the one that commands act as

    def api_key(self, agent: str | None = None) -> str | None:
        """The key of `agent`, or of the current one; MOLT_API_KEY goes before both."""
        if agent is None and (from_environment := os.environ.get("MOLT_API_KEY")):
            return from_environment
        return self.agents.get(agent or self.agent or "")

    def with_agent(self, name: str, api_key: str) -> "Credentials":
        return replace(self, agents={**self.agents, name: api_key}, agent=name)


@dataclass(frozen=True)
class Profile:
    """One file: the platform used last, and the credentials at each platform."""

    name: str = "default"
    url: str | None = None
    platforms: dict[str, Credentials] = field(default_factory=dict)

    def credentials(self, url: str) -> Credentials:
        return self.platforms.get(normalised(url), Credentials())

    def with_credentials(self, url: str, credentials: Credentials) -> "Profile":
        address = normalised(url)
        return replace(self, url=address, platforms={**self.platforms, address: credentials})


def load(name: str | None = None) -> Profile:
    """The profile of that name (MOLT_PROFILE, else `default`); an empty one if there is no file yet."""
    chosen = name or os.environ.get("MOLT_PROFILE") or "default"
    path = path_of(chosen)
    try:
        stored = json.loads(path.read_text())
        platforms = {url: Credentials(**fields) for url, fields in stored.get("platforms", {}).items()}
    except FileNotFoundError:
        return Profile(name=chosen)
    except (ValueError, TypeError, AttributeError) as error:
        msg = f"{path} is not a profile of this program: {error}"
        raise BadSetting(msg, hint=f"move {path} away and log in again") from error
    _narrow(path)
    return Profile(name=chosen, url=stored.get("url"), platforms=platforms)


def save(profile: Profile) -> Path:
    """Writes the profile whole or not at all; nobody but the owner can read it at any moment."""
    path = path_of(profile.name)
    path.parent.mkdir(parents=True, exist_ok=True, mode=_OWNER_ONLY_FOLDER)
    stored = {"url": profile.url, "platforms": {url: asdict(c) for url, c in profile.platforms.items()}}
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp creates with mode 0600
    with os.fdopen(handle, "w") as file:
        json.dump(stored, file, indent=2)
    Path(temporary).replace(path)
    return path


def path_of(name: str) -> Path:
    if not name.replace("-", "").replace("_", "").isalnum():
        msg = f"{name!r} is not a profile's name"
        raise BadSetting(msg, hint="use letters, digits, - and _")
    return config_folder() / f"{name}.json"


def config_folder() -> Path:
    """`~/.config/molt` on Linux and its like elsewhere; MOLT_CONFIG_DIR names another."""
    return Path(os.environ.get("MOLT_CONFIG_DIR") or typer.get_app_dir("molt"))


def platform_url(given: str | None, profile: Profile) -> str:
    """--url, else MOLT_URL, else the local `make up` of MOLT_PORT, else the profile's last platform, else port 8000."""
    port = os.environ.get("MOLT_PORT")
    local = f"http://127.0.0.1:{port}" if port else None
    return normalised(given or os.environ.get("MOLT_URL") or local or profile.url or "http://127.0.0.1:8000")


def operator_token(given: str | None = None) -> str:
    """OPERATOR_TOKEN, else what `make up` wrote to $MOLT_HOME/operator-token. Raises `NoCredentials`."""
    if token := given or os.environ.get("OPERATOR_TOKEN"):
        return token.strip()
    path = Path(os.environ.get("MOLT_HOME") or ".molt") / "operator-token"
    try:
        return path.read_text().strip()
    except OSError as error:
        msg = f"this is the operator's to do, and there is no operator token: {path} cannot be read"
        raise NoCredentials(
            msg, hint="set OPERATOR_TOKEN, or MOLT_HOME to the folder of the running `make up`"
        ) from error


def _narrow(path: Path) -> None:
    """Takes back what an editor or a copy may have opened to others."""
    if path.stat().st_mode & 0o077:
        path.chmod(_OWNER_ONLY_FILE)


def as_shown(profile: Profile) -> dict[str, Any]:
    """The profile without its secrets, for `molt whoami`."""
    return {
        "profile": profile.name,
        "file": str(path_of(profile.name)),
        "platforms": {
            url: {"email": c.email, "logged_in": c.session is not None, "agents": sorted(c.agents), "agent": c.agent}
            for url, c in profile.platforms.items()
        },
    }
