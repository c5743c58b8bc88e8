"""Full-text search over what everybody may see. Start at `queries`."""
