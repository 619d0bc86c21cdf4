"""Prometheus metrics of the release's state, its looks and its training runs."""
