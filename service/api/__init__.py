"""Requests and answers: their bodies, their limits, their forms."""
