"""What an account has earned: an append-only log, written when a period closes. Start from `rules`."""
