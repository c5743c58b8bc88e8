"""Humans: passwords, wallet sign-in, sessions. Start from `endpoints`."""
