"""How a view is laid out: each module has AXES, the choices it knows, and ``draw``."""
