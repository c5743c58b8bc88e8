"""Copies the chain into the ledger: exactly once, reorg-safe, trusting no node. Start from `follow`.

`chain` asks, `fetch` decides what to ask for and what is ours, `proof` checks the answers, `events` decodes them,
`reorg` finds where two chains part, `verify` rebuilds everything and compares. Only `ledger.record` writes.
"""
