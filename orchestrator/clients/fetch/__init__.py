"""Downloading images from hosts that nobody here controls."""
