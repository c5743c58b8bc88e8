"""Other indexers, doing what ours does, written as their users write them.

Start at `ponder.backfill` and `envio.backfill`.

Each peer is a folder (its project, as one would publish it) and a module that installs and runs it. They copy the same
events of the splitter and, of USDC, what the given payers sent and signed: the filter that suits them best, since they
have no way to say "the transfers of transactions that hold a tip".
"""
