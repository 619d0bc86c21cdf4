"""Measure the student's speed."""
