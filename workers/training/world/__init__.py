"""The demo world: drawn pictures of places of business, each with the truth about what it shows."""
