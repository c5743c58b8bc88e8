"""What the indexer's speed is measured with; docs/benchmarks.md says who is measured, and how. START in `indexer`.

Each part runs alone, too (`python -m tests.benchmarks.<name>`, from the root of the repository):

- `chain dense` builds a chain of tips among ten times as many foreign transfers on Anvil, and keeps a recording of it.
- `replay .molt-bench/dense` serves the recording as a node would, only faster; it prints its URL.
- `limits` and `plain_loop` are contenders, one process each, started by `indexer`; so are those of `peers`.
"""
