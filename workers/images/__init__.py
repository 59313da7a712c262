"""Image files from outside to plain pixels and back, in decoder processes."""
