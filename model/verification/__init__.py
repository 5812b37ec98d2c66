"""Verification of a model directory: its files, and what its network computes."""
