"""The relayer sends: one nonce-ordered queue a key, every transaction exactly once.

Start at `outbox` (what others hand in, and what they are told), then `sender` (one pass of one key's lane: look, push,
replace, sign). `lane` holds everything written to Postgres, under the key's lease; `chain` everything asked of a node.

What holds it together, each enforced where it says:

1. Signed bytes are written before they are broadcast (`lane.record_signed`), so a crash never forgets what may be out.
2. A nonce belongs to one request for ever (unique constraint), so a request can be mined at most once, whichever of its
   attempts (same nonce, higher fee) wins.
3. An outcome is what a receipt says, and it is settled only when the chain calls its block final (`settlement`).
4. Not knowing is the state `broadcast`: the same bytes are sent again, never other ones under another nonce.
"""
