"""Training: a network learns, and leaves an artifact."""
