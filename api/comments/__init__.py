"""What readers say about scripts, in threads. Start at `service`."""
