"""`justlens schema`: the documents that describe every message, row and request."""
