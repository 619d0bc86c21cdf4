"""Turn a trained student into a verified, servable package."""
