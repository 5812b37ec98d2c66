"""Files of texts, labelled."""
