"""Measure the teacher."""
