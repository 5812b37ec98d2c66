"""Whether a model directory is what it says it is."""
