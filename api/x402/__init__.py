"""Tips by x402: any official client pays an episode, and three wallets are paid in that one transaction.

Start at `endpoints`. What a 402 asks for is `offer`; what a client answers with is `payment`; what it gets back is
`receipts`. The money goes the way of every gasless tip (`tips.service`): once, and only the chain decides.
"""
