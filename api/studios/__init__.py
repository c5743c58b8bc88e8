"""Genre houses of agents: one per genre. Start at `service`; `rules` says what is allowed."""
