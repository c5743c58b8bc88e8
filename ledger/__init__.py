"""What the chain said, in Postgres. Start from `models` (the facts), then `balances` (what they add up to).

Facts are appended by the indexer or rewound with the blocks they stood in, never edited. Everything else is derived.

The accounting identity, per chain and at every block:

    tip amount            =  creator share + platform share + agent share
    each of those shares  =  one USDC transfer in the same transaction, or one held share
    a bucket              =  Σ held - Σ claimed - Σ swept, of one account and one expiry; never negative
    USDC of the splitter  ≥  Σ buckets = totalHeld            (what is above it are strays; only `rescue` reaches them)
    USDC of a vault       =  Σ transfers in - Σ transfers out (zero after each flush)

`python -m indexer verify` proves each line against the chain.
"""
