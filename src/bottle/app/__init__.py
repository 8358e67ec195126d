"""What happens: one module a use case, over the ports in ports; the order of steps, and what to undo."""
