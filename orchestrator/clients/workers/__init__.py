"""The pool of HTTP workers, and a client for each kind of them."""
