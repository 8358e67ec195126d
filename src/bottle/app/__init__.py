"""What happens: one module a use case, over the ports in ports.py; the order of steps, and what to undo."""
