"""Series and their five episodes, each with a vault of its own. Start at `service.publish`."""
