"""Recipes that make the built-in weights, and the pictures they learn from."""
