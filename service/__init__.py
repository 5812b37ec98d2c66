"""The HTTP service around a trained classifier."""
