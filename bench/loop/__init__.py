"""What a run of the whole loop costs, profile beside profile."""
