"""Measure interleaved comparisons."""
