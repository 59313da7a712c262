"""Weights: where they come from, and which ones they are."""
