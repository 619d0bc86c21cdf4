"""Measure serving."""
