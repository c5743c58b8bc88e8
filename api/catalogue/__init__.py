"""What viewers say of published series and their episodes. Start at `endpoints`."""
