"""A quote says who would receive what, what stands in the way, and gives each rail ready to use."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from eth_account import Account

from api.production.queries import Episode
from api.tips import quote, rails
from api.wire import hex_text
from ledger import deployment
from ledger.money import MicroUsdc

USDC = "0x036CbD53842c5426634e7929541eC2318f3dCF7e"
SPLITTER = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
PAYER = Account.from_key("0x" + "11" * 32)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
EPISODE = Episode(
    id=UUID(int=3), series_id=UUID(int=4), number=1, title="One", creator_id=UUID(int=1), agent_id=UUID(int=2),
    vault=b"\xaa" * 20, vault_is_deployed=True,
)  # fmt: skip


@pytest.fixture
def chain() -> deployment.Deployment:
    def domain(name: str, version: str, contract: Any) -> deployment.TypedDataDomain:
        return {"name": name, "version": version, "chainId": 84532, "verifyingContract": contract}

    return deployment.Deployment(
        chain_id=84532,
        usdc=USDC,  # type: ignore[arg-type]
        usdc_domain=domain("USDC", "2", USDC),
        splitter=SPLITTER,  # type: ignore[arg-type]
        splitter_domain=domain("Molt Studios", "1", SPLITTER),
        deployed_at_block=1,
        deployment_tx=None,
    )


def a_payer(**changes: Any) -> quote.Payer:
    rich = quote.Payer(
        address=bytes.fromhex(PAYER.address[2:]),
        balance=MicroUsdc(10**9),
        allowance=10**9,
        permit_nonce=3,
        blacklisted=False,
    )
    return replace(rich, **changes)


def a_recipient(role: Any, **changes: Any) -> quote.Recipient:
    return replace(quote.Recipient(role, UUID(int=1), wallet=b"\xcc" * 20, blacklisted=False), **changes)


def a_request(**changes: Any) -> quote.Request:
    request = quote.Request(
        episode=EPISODE,
        amount=MicroUsdc(250_000),
        minimum=MicroUsdc(100_000),
        recipients=[a_recipient("creator"), a_recipient("platform"), a_recipient("agent")],
        payer=a_payer(),
        paused=False,
        now=NOW,
        salt=b"\x05" * 32,
        nonce=b"\x06" * 32,
    )
    return replace(request, **changes)


def test_quarter_dollar_is_200000_47500_2500(chain: deployment.Deployment) -> None:
    shares = quote.quote(chain, a_request()).shares
    assert [(s.role, s.amount_micro_usdc, s.held) for s in shares] == [
        ("creator", 200_000, False),
        ("platform", 47_500, False),
        ("agent", 2_500, False),
    ]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"wallet": None}, "no_wallet"), ({"blacklisted": True}, "blacklisted")],
)
def test_share_that_would_be_held_says_why(chain: deployment.Deployment, changes: dict[str, Any], reason: str) -> None:
    recipients = [a_recipient("creator", **changes), a_recipient("platform"), a_recipient("agent")]
    creator = quote.quote(chain, a_request(recipients=recipients)).shares[0]
    assert (creator.held, creator.held_reason) == (True, reason)
    assert creator.note


@pytest.mark.parametrize(
    ("payer", "paused", "codes"),
    [
        (a_payer(), False, []),
        (a_payer(balance=MicroUsdc(249_999)), False, ["INSUFFICIENT_BALANCE"]),
        (a_payer(allowance=249_999), False, ["INSUFFICIENT_ALLOWANCE"]),
        (a_payer(blacklisted=True), False, ["PAYER_BLACKLISTED"]),
        (a_payer(), True, ["TIPS_PAUSED"]),
        (None, True, ["TIPS_PAUSED"]),
    ],
)
def test_what_stands_in_the_way_is_named(payer: quote.Payer | None, *, paused: bool, codes: list[str]) -> None:
    assert [p.code for p in quote.problems(MicroUsdc(250_000), payer=payer, paused=paused)] == codes


def test_allowance_matters_to_its_rail_only() -> None:
    poor = a_payer(allowance=0)
    assert quote.problems(MicroUsdc(250_000), payer=poor, paused=False, rail="permit") == []
    assert quote.problems(MicroUsdc(250_000), payer=poor, paused=True, rail="transfer") == []


def test_proposed_authorization_is_bound_to_the_terms(chain: deployment.Deployment) -> None:
    offered = quote.quote(chain, a_request()).rails.authorization
    assert offered.typed_data is not None
    assert offered.submit is not None
    message = offered.typed_data["message"]
    assert message["to"] == SPLITTER
    assert message["nonce"] == hex_text(EPISODE.terms.nonce(b"\x05" * 32))
    assert offered.submit.body["salt"] == hex_text(b"\x05" * 32)


def test_x402_pays_the_vault(chain: deployment.Deployment) -> None:
    typed = quote.quote(chain, a_request()).rails.x402.typed_data
    assert typed is not None
    assert typed["primaryType"] == "TransferWithAuthorization"
    assert typed["message"]["to"].lower() == hex_text(EPISODE.vault)


def test_submission_says_what_was_signed(chain: deployment.Deployment) -> None:
    """The body that a client sends back, with its signature added, digests to what it signed."""
    offered = quote.quote(chain, a_request()).rails.x402
    assert offered.submit is not None
    body = offered.submit.body
    signed = rails.Authorization(
        payer=bytes.fromhex(body["from"][2:]),
        to=bytes.fromhex(body["to"][2:]),
        amount=MicroUsdc(int(body["amount_micro_usdc"])),
        valid_after=int(body["valid_after"]),
        valid_before=int(body["valid_before"]),
        nonce=bytes.fromhex(body["nonce"][2:]),
    )
    typed = rails.authorization(chain, "x402", signed)
    assert bytes(PAYER.sign_typed_data(full_message=offered.typed_data).message_hash) == rails.digest(typed)


def test_without_a_payer_there_is_nothing_to_sign(chain: deployment.Deployment) -> None:
    offered = quote.quote(chain, a_request(payer=None)).rails
    assert offered.permit.typed_data is None
    assert offered.authorization.typed_data is None
    assert offered.approve.calls
    assert offered.transfer.calls
