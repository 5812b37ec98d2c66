"""Commands with a file of their own; `model.cli` has the others, and all of their names."""
