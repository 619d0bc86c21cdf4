"""A marketplace on which knowledge counts: kinds, uses, sellers' words, compatibility and tiers of brands."""
