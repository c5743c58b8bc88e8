"""What we hold about an account: shown whole, changed by preferences, forgotten on request; and keys that were lost.

Start at `endpoints`.
"""
