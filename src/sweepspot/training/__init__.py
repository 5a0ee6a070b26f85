"""How trials are trained: one tier a file."""
