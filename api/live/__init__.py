"""What happens to money and wallets, told as it happens.

`announcer` turns what the ledger gained, lost and made final into rows of `app.event`, in one order for everybody;
`feed` hands new rows to whoever listens in this process; `endpoints` streams them (server-sent events).
"""
