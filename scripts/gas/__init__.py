"""What the contracts cost (`make gas`). Start from `rows`."""
