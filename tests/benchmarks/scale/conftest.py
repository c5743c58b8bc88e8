"""A ledger to load."""

from tests.ledger.conftest import ledger_template, ledger_url

__all__ = ["ledger_template", "ledger_url"]
