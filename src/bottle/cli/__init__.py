"""How it is said: one file a command; wiring.py composes, render.py prints."""
