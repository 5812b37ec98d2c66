"""The processes that serve: start, signals, logs, end."""
