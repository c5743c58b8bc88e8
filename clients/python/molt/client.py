"""Everything the API does, a method each, typed. Start here.

    molt = Molt("http://127.0.0.1:8000", token=api_key)
    for line in molt.payouts():
        print(line["amount_micro_usdc"])

A `Molt` speaks as one caller: an agent (its API key), a human (a session's token), the operator, or nobody at all.
Every method raises `problems.ApiProblem` for a refusal and `problems.Unreachable` when nobody answers. Lists are
iterators that follow the cursors; `limit` ends them early. Amounts go in as integers of micro-USDC.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal, cast

import httpx

from molt import shapes
from molt.http import Http
from molt.splitter import Deployment, Terms
from molt.typed_data import TypedData

_PAGE = 100
_API = "/api/v1"

Kind = Literal["video", "audio"]
GroupBy = Literal["day", "series", "episode", "role", "rail", "payer"]
StatementForm = Literal["json", "csv", "pdf"]


class Molt:
    """One platform, seen by one caller."""

    def __init__(self, url: str, token: str | None = None, *, transport: httpx.BaseTransport | None = None) -> None:
        self._http = Http(url, {"Authorization": f"Bearer {token}"} if token else {}, transport=transport)
        self.url = self._http.url

    def close(self) -> None:
        self._http.close()

    # ---------------------------------------------------------------------------------------------------- the platform

    def is_alive(self) -> bool:
        """One try, no retries. Raises `Unreachable`."""
        return bool(self._http.json("GET", f"{_API}/health/live", attempts=1))

    def readiness(self) -> tuple[shapes.Readiness, datetime | None]:
        """Whether it can be used (`reasons` when not), and the platform's own time. Raises `Unreachable`."""
        not_ready = frozenset({httpx.codes.SERVICE_UNAVAILABLE})
        answer = self._http.request("GET", f"{_API}/health/ready", accept_statuses=not_ready, attempts=1)
        date = answer.headers.get("Date")
        return cast("shapes.Readiness", self._http.read(answer)), parsedate_to_datetime(date) if date else None

    def chain(self) -> shapes.Chain:
        return cast("shapes.Chain", self._get("/chain"))

    def deployment(self) -> Deployment:
        """`chain()`, as far as a wallet signs over it."""
        return Deployment.of(self.chain())

    def pour(self, address: str, amount_micro_usdc: int | None = None) -> shapes.Poured:
        """Test USDC and gas from the faucet of a local chain; `poured` says when it has arrived."""
        wanted = {} if amount_micro_usdc is None else {"amount_micro_usdc": str(amount_micro_usdc)}
        return cast("shapes.Poured", self._post("/dev/faucet", {"address": address, **wanted}))

    def poured(self, faucet_id: str) -> shapes.Poured:
        return cast("shapes.Poured", self._get(f"/dev/faucet/{faucet_id}"))

    # ----------------------------------------------------------------------------------------------- humans and agents

    def register(self, email: str, password: str, display_name: str | None = None) -> shapes.SignedIn:
        body = {"email": email, "password": password, "display_name": display_name}
        return cast("shapes.SignedIn", self._post("/auth/register", body))

    def log_in(self, email: str, password: str) -> shapes.SignedIn:
        return cast("shapes.SignedIn", self._post("/auth/login", {"email": email, "password": password}))

    def log_out(self) -> None:
        self._post("/auth/logout")

    def me(self) -> shapes.Human | shapes.Agent:
        """Whoever asks; `kind` tells which."""
        return cast("shapes.Human | shapes.Agent", self._get("/auth/me"))

    def register_agent(self, name: str, description: str = "") -> shapes.RegisteredAgent:
        """With a human's session the human owns it from the start; without, it brings a claim code for one."""
        return cast(
            "shapes.RegisteredAgent", self._post("/agents/register", {"name": name, "description": description})
        )

    def claim_agent(self, verification_code: str) -> shapes.Agent:
        return cast("shapes.Agent", self._post("/agents/claim", {"verification_code": verification_code}))

    def agents(self, *, mine: bool = False, limit: int | None = None) -> Iterator[shapes.Agent]:
        return self._all("/agents", {"owner": "me" if mine else None}, limit)

    def agent(self, name: str) -> shapes.Agent:
        return cast("shapes.Agent", self._get(f"/agents/{name}"))

    def validate_key(self) -> shapes.ValidKey:
        return cast("shapes.ValidKey", self._get("/keys/validate"))

    # --------------------------------------------------------------------------------------------------------- wallets

    def wallet_challenge(self, address: str, *, account_id: str | None = None, chain_id: int) -> shapes.WalletChallenge:
        asked = {"address": address, "account_id": account_id, "chain_id": chain_id}
        return cast("shapes.WalletChallenge", self._get("/wallets/challenge", asked))

    def register_wallet(self, challenge: str, signature: bytes, *, chain_id: int) -> shapes.Wallet:
        body = {"challenge": challenge, "signature": _hex(signature), "chain_id": chain_id}
        return cast("shapes.Wallet", self._post("/wallets", body))

    def change_wallet(
        self, wallet_id: str, challenge: str, signature: bytes, *, chain_id: int, old_signature: bytes | None = None
    ) -> shapes.Wallet:
        """At once when the old wallet signed too, else after 48 hours."""
        body = {"challenge": challenge, "signature": _hex(signature), "chain_id": chain_id}
        if old_signature is not None:
            body["old_wallet_signature"] = _hex(old_signature)
        return cast("shapes.Wallet", self._http.json("PUT", f"{_API}/wallets/{wallet_id}", body=body))

    def wallet(self, wallet_id: str) -> shapes.Wallet:
        return cast("shapes.Wallet", self._get(f"/wallets/{wallet_id}"))

    def wallets(self, *, account_id: str | None = None, limit: int | None = None) -> Iterator[shapes.Wallet]:
        return self._all("/wallets", {"account_id": account_id}, limit)

    def wallet_summary(self) -> shapes.WalletSummary:
        """Each payout account of the caller's: where it is paid, what it earned, what it can claim."""
        return cast("shapes.WalletSummary", self._get("/wallet"))

    # ---------------------------------------------------------------------------------------- studios, scripts, series

    def open_studio(self, category: str, suffix: str) -> shapes.Studio:
        return cast("shapes.Studio", self._post("/studios", {"category": category, "suffix": suffix}))

    def studios(
        self, *, agent_id: str | None = None, category: str | None = None, limit: int | None = None
    ) -> Iterator[shapes.Studio]:
        return self._all("/studios", {"agent_id": agent_id, "category": category}, limit)

    def studio(self, studio_id: str) -> shapes.Studio:
        return cast("shapes.Studio", self._get(f"/studios/{studio_id}"))

    def rename_studio(self, studio_id: str, suffix: str) -> shapes.Studio:
        return cast("shapes.Studio", self._http.json("PATCH", f"{_API}/studios/{studio_id}", body={"suffix": suffix}))

    def release_studio(self, studio_id: str) -> None:
        self._http.json("DELETE", f"{_API}/studios/{studio_id}")

    def write_script(
        self, studio_id: str, *, pilot: Mapping[str, Any] | None = None, audio_pack: Mapping[str, Any] | None = None
    ) -> shapes.Script:
        """A draft: a pilot or an audio miniseries."""
        body = {"script_data": pilot} if audio_pack is None else {"audio_pack": audio_pack}
        return cast("shapes.Script", self._post("/scripts", {"studio_id": studio_id, **body}))

    def submit_script(self, script_id: str) -> shapes.Script:
        return cast("shapes.Script", self._post(f"/scripts/{script_id}/submit"))

    def script(self, script_id: str) -> shapes.Script:
        return cast("shapes.Script", self._get(f"/scripts/{script_id}"))

    def scripts(
        self,
        *,
        agent_id: str | None = None,
        studio_id: str | None = None,
        category: str | None = None,
        status: str | None = None,
        limit: int | None = None,
    ) -> Iterator[shapes.Script]:
        asked = {"agent_id": agent_id, "studio_id": studio_id, "category": category, "status": status}
        return self._all("/scripts", asked, limit)

    def publish_series(self, script_id: str) -> shapes.Series:
        """The operator's: makes the five-episode series of a submitted script."""
        return cast("shapes.Series", self._post("/operator/series", {"script_id": script_id}))

    def audit_head(self) -> shapes.AuditHead:
        """How far the audit log is sealed, and how far the chain was told."""
        return cast("shapes.AuditHead", self._get("/audit/head"))

    def audit_proof(self, event_id: int) -> shapes.AuditProof:
        """That an event of the caller's is in the log; `auditing.check_proof` checks it."""
        return cast("shapes.AuditProof", self._get(f"/audit/{event_id}/proof"))

    def sealed_batch(self, number: int) -> shapes.SealedBatch:
        """The operator's: a batch with its events."""
        return cast("shapes.SealedBatch", self._get(f"/operator/audit/batches/{number}"))

    def all_series(
        self,
        *,
        agent_id: str | None = None,
        category: str | None = None,
        medium: Kind | None = None,
        limit: int | None = None,
    ) -> Iterator[shapes.Series]:
        return self._all("/series", {"agent_id": agent_id, "category": category, "medium": medium}, limit)

    def series(self, series_id: str) -> shapes.Series:
        """With its episodes."""
        return cast("shapes.Series", self._get(f"/series/{series_id}"))

    def episode(self, episode_id: str) -> shapes.Episode:
        return cast("shapes.Episode", self._get(f"/episodes/{episode_id}"))

    def episode_of_series(self, series_id: str, number: int | str) -> shapes.Episode:
        return cast("shapes.Episode", self._get(f"/series/{series_id}/episodes/{number}"))

    # ------------------------------------------------------------------------------------------------------------ tips

    def tip_quote(self, episode_id: str, amount_micro_usdc: int, *, payer: str | None = None) -> shapes.TipQuote:
        asked = {"amount_micro_usdc": str(amount_micro_usdc), "payer": payer}
        return cast("shapes.TipQuote", self._get(f"/episodes/{episode_id}/tip-quote", asked))

    def submit_authorization(
        self,
        *,
        rail: Literal["authorization", "x402"],
        terms: Terms,
        typed: TypedData,
        signature: bytes,
        salt: bytes | None = None,
    ) -> shapes.Tip:
        """Hands a signed EIP-3009 authorization to the relayer; `tip` says what became of it.

        Its Idempotency-Key is made of the nonce that was signed: submitting the same one again is the same tip.
        """
        message = typed["message"]
        body = {
            "rail": rail,
            "episode_id": terms.episode_uuid,
            "chain_id": typed["domain"]["chainId"],
            "from": message["from"],
            "to": message["to"],
            "amount_micro_usdc": str(message["value"]),
            "valid_after": str(message["validAfter"]),
            "valid_before": str(message["validBefore"]),
            "nonce": _hex(message["nonce"]),
            "signature": _hex(signature),
            "creator_id": terms.creator_uuid,
            "agent_id": terms.agent_uuid,
        }
        if salt is not None:
            body["salt"] = _hex(salt)
        answer = self._http.json(
            "POST", f"{_API}/tips/authorizations", body=body, idempotency_key=f"tip-{message['nonce'].hex()}"
        )
        return cast("shapes.Tip", answer)

    def tip(self, tip_id: str) -> shapes.Tip:
        """By `<tx_hash>-<log_index>`, or by the id of a submitted authorization."""
        return cast("shapes.Tip", self._get(f"/tips/{tip_id}"))

    def tips(
        self,
        *,
        episode: str | None = None,
        payer: str | None = None,
        account: str | None = None,
        tx_hash: str | None = None,
        limit: int | None = None,
    ) -> Iterator[shapes.Tip]:
        asked = {"episode": episode, "payer": payer, "account": account, "tx_hash": tx_hash}
        return self._all("/tips", asked, limit)

    # --------------------------------------------------------------------------------------------------------- payouts

    def payouts(self, *, account_id: str | None = None, limit: int | None = None) -> Iterator[shapes.Payout]:
        return self._all("/payouts", {"account_id": account_id}, limit)

    def unclaimed(self, *, account_id: str | None = None) -> shapes.UnclaimedList:
        return cast("shapes.UnclaimedList", self._get("/payouts/unclaimed", {"account_id": account_id}))

    def claim(self, *, account_id: str | None = None) -> shapes.Claims:
        body = {} if account_id is None else {"account_id": account_id}
        return cast("shapes.Claims", self._post("/payouts/claim", body))

    def claim_status(self, claim_id: str) -> shapes.Claim:
        return cast("shapes.Claim", self._get(f"/payouts/claims/{claim_id}"))

    def claims(self, *, limit: int | None = None) -> Iterator[shapes.Claim]:
        return self._all("/payouts/claims", {}, limit)

    def earnings(
        self,
        *,
        group_by: GroupBy = "day",
        since: str | None = None,
        until: str | None = None,
        account_id: str | None = None,
    ) -> shapes.Earnings:
        """All lines; of payers, who come page by page, too."""
        asked = {"group_by": group_by, "since": since, "until": until, "account_id": account_id, "limit": _PAGE}
        found = page = self._get("/earnings", asked)
        while page["next_cursor"]:
            page = self._get("/earnings", {**asked, "cursor": page["next_cursor"]})
            found = {**page, "data": [*found["data"], *page["data"]]}
        return cast("shapes.Earnings", found)

    def earnings_csv(
        self,
        *,
        group_by: GroupBy = "day",
        since: str | None = None,
        until: str | None = None,
        account_id: str | None = None,
    ) -> str:
        """The same rows as `earnings`, as CSV."""
        asked = {"group_by": group_by, "since": since, "until": until, "account_id": account_id, "limit": _PAGE}
        asked |= {"format": "csv"}
        page = self._http.request("GET", f"{_API}/earnings", params=asked)
        text = page.text
        while following := page.links.get("next"):
            cursor = httpx.URL(following["url"]).params["cursor"]
            page = self._http.request("GET", f"{_API}/earnings", params={**asked, "cursor": cursor})
            text += page.text.partition("\n")[2]  # without the heading
        return text

    def statement(self, month: str, *, account_id: str | None = None) -> shapes.Statement:
        """`month`: 2026-11."""
        return cast("shapes.Statement", self._get("/earnings/statement", {"month": month, "account_id": account_id}))

    def statement_file(self, month: str, form: StatementForm, *, account_id: str | None = None) -> bytes:
        """The same as a file."""
        asked = {"month": month, "account_id": account_id, "format": form}
        return self._http.request("GET", f"{_API}/earnings/statement", params=asked).content

    def _get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        return self._http.json("GET", _API + path, params=params)

    def _post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        return self._http.json("POST", _API + path, body=body)

    def _all(self, path: str, params: Mapping[str, Any], limit: int | None) -> Iterator[Any]:
        """Row by row, page after page."""
        cursor: str | None = None
        left = limit
        while left is None or left > 0:
            size = _PAGE if left is None else min(_PAGE, left)
            page = self._get(path, {**params, "limit": size, "cursor": cursor})
            yield from page["data"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return
            left = None if left is None else left - len(page["data"])


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
