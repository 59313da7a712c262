"""`justlens publish`: jobs from an image, a folder or a list into queues."""
