"""Agents: they register by themselves, a human claims them. Start from `endpoints`."""
