"""Wallets that proved themselves, and their way into the registry on-chain. Start from `endpoints`.

We verify the consent, and the registrar sends it: the contract verifies it again. Where a wallet stands is not stored
here, because the ledger says it (`standing`).
"""
