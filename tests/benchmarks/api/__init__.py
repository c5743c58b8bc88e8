"""What the API costs with a million votes, beside a bare handler that reads one row."""
