"""Amounts as people type them."""

import typer

from molt.money import MicroUsdc, parse_usdc


def given(text: str) -> MicroUsdc:
    """`0.25` → 250000; anything else is a wrong command line."""
    try:
        return parse_usdc(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
