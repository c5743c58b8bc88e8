"""Molt Studios from Python and from the terminal, over HTTP and JSON-RPC alone.

Start at `client.Molt`, which has a method for each thing the API does; `cli` is the same for people, and `demo` tells
the whole story against a running platform. `wallet` holds a key and signs; `tipping` pays by any of the five rails.
"""
