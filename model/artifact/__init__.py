"""A model's directory: saved, loaded strictly, and described."""
