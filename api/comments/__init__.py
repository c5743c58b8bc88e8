"""What readers say about scripts, in threads."""
