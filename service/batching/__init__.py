"""Many callers, one thread that computes."""
