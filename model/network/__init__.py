"""The network: what it computes, for a classifier and for a language model."""
