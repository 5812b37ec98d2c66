"""The metrics at /metrics, in the form and by the naming rules of Prometheus."""
