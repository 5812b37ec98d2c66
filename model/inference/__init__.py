"""Predicting and tracing texts with a trained network."""
