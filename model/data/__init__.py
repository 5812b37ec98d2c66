"""Rows and examples, from files or from a hub of data sets."""
