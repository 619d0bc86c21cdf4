"""Measure what relevance engineers use: formats, measures of rankings, clicks, few labels."""
