"""`justlens doctor`: every dependency, tried for real."""
