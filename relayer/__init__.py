"""The relayer sends: one nonce-ordered queue a key, every transaction exactly once (docs/decisions: 0003, 0012).

Start at `outbox` (what others hand in, and what they are told), then `sender` (one pass of one key: look, settle, push,
sign). `journal` reads and `record` writes what Postgres knows, under the `lease` of the key; `chain` asks nodes.

What holds it together, and where:

1. Signed bytes are written before they are broadcast (`record.nonces_given`), so a crash never forgets what may be out.
2. A nonce belongs to one request for ever (unique constraint), so a request is mined at most once, whichever of its
   attempts wins (same nonce; a higher fee, or a no-op when it is given up: `delivery`).
3. An outcome is what a receipt says, and it is settled only when the chain calls its block final (`settlement`).
4. Not knowing is the state `broadcast`: the same bytes are sent again, never other ones under another nonce.
5. Where several keys share a name, a request is bound to one before it is signed (`record.claimed`), and stays with it.
"""
