"""Measure what each part of the student brings."""
