"""The recipe of the built-in CLIP."""
