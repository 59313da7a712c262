"""Pure values and decisions: no await, no I/O, no drivers."""
