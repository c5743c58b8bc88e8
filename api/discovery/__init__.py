"""Finding what is worth reading and watching: the ranking and the feed. Start at `rules`, then `ranking`."""
