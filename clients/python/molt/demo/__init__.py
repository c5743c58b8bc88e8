"""`molt demo`: the whole story against a running platform, every figure read from chain and API and compared.

Start at `story`. The server is never imported: all of it goes over HTTP and JSON-RPC, as any client's would.
"""
