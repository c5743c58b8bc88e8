"""The product over HTTP. Start from `app` (what is there), then `edge` (what every request goes through).

    app, worker, clock        the processes: HTTP, background jobs, and who enqueues those on time
    edge                      one request = one transaction: authenticate, limit, replay or run, commit
    errors, pages, etags, idempotency, rate_limits, wire
                              what every endpoint says in the same way (docs/api-conventions.md)
    callers                   who is asking, as endpoints see it
    db, resources, node       what a process holds open: Postgres, Valkey, the chain
    jobs                      work after the commit, enqueued in the caller's transaction
    accounts/ audit/ wallets/ chain/ dev/ studios/ scripts/ production/ tips/ payouts/
                              the features: endpoints → service → rules → queries

`python -m api run | worker | migrate | openapi`.
"""
