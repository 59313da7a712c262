"""The measure of everything that comes with JustLens, on data that nothing was learnt from."""
