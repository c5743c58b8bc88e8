"""What exists on a throwaway chain only. Start from `endpoints`."""
