"""Run the loop on this machine."""
