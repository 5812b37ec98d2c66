"""From a state dict of PyTorch to a source."""
