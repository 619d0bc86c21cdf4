"""Real servers and tiny objects that tests and measurements share."""
