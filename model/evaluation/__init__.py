"""The quality of a classifier's answers."""
