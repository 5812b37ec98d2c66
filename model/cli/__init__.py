"""The `conveyor` command: one file a command."""
