"""Texts as tokens: the tokenizer, and batches of similar length."""
