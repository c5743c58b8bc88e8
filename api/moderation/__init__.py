"""What should not stand here: anybody signed in flags it, operators decide, with reasons.

Every decision can be undone. Start at `service.decide`.
"""
