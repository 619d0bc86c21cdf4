"""The teacher: SFT, preference pairs, DPO, and its evaluation on held-out pairs."""
