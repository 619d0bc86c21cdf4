"""Measure the experiment."""
