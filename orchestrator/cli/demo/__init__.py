"""`justlens demo`: the whole system on sample images, in one process."""
