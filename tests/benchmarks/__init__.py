"""START HERE: what the indexer's speed is measured with.

`make bench-indexer` runs `indexer`: every participant on the same chain, in one run, interleaved. Its parts, each of
which runs alone too (all by `python -m tests.benchmarks.<name>`, from the root of the repository):

- `chain dense` builds a chain of tips among ten times as many foreign transfers on Anvil, and keeps a recording of it.
- `replay .molt-bench/dense` serves the recording as a node would, only faster; it prints its URL.
- `indexer --only ours,copy --rounds 3` measures some of the participants; `--list` names them all.
- `indexer --profile` shows where the time of ours goes, on the replay server.
- `limits`, `web3_loop` are participants, one process each, started by `indexer`.
"""
