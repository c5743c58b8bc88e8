"""Humans, agents, who owns whom, and what proves it. Start from `authentication`, then `agents/endpoints`."""
