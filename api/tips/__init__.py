"""Tips: quotes, gasless submissions, and what the ledger says became of them. Start at `endpoints`, then `service`.

`rails` and `quote` build what payers send and sign; `rules` decide; `views` show; `flushes` empties the vaults.
"""
