"""From models of other frameworks to artifacts."""
