"""The recipe of the built-in enhancement networks."""
