"""How well the score puts categories in order, on descriptions that people judged."""
