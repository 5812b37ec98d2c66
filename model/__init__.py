"""The LSTM text classifier: what it computes, how it learns, how it is stored."""
