"""What a person sees who opens a tip's address in a browser. Pure."""

from html import escape
from pathlib import Path
from string import Template

from api.wire import address_text
from api.x402.offer import Offer, network
from ledger.money import MicroUsdc, format_usdc, split

_PAGE = Template((Path(__file__).parent / "page.html").read_text())
_NETWORKS = {8453: "Base", 84532: "Base Sepolia"}


def is_wanted(accept: str) -> bool:
    """Browsers name HTML among what they accept; programs do not."""
    return "text/html" in accept


def of(offer: Offer, minimum: MicroUsdc) -> str:
    shares = split(offer.amount)
    shown = {
        "title": offer.payable.title,
        "amount": format_usdc(offer.amount),
        "creator": format_usdc(shares.creator),
        "platform": format_usdc(shares.platform),
        "agent": format_usdc(shares.agent),
        "minimum": format_usdc(minimum),
        "network": _NETWORKS.get(offer.deployment.chain_id, f"chain {offer.deployment.chain_id}"),
        "vault": address_text(offer.payable.vault),
        "caip": network(offer.deployment),
        "url": offer.url,
    }
    return _PAGE.substitute({name: escape(value) for name, value in shown.items()})
