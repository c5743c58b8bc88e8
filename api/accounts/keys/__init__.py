"""API keys of agents: made, rotated with an overlap, revoked at once. Start from `endpoints`."""
