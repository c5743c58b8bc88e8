"""Events, posted to whoever asked for them (https://www.standardwebhooks.com).

`lines` puts events in line and says what became of each; `outgoing` posts, to public addresses only; `delivering` does
both in the worker. At least once, and in order for each subject (a tip, an account): a receiver tells repetitions by
`webhook-id`.
"""
