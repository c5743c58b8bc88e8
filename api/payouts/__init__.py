"""What accounts earned, received and can still claim. Start at `endpoints`; `service` claims, sweeps and notifies."""
