"""Does the best script win, and can it be bought? `make sim-votes`."""
