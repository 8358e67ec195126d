"""What runs as root inside a virtual machine: it settles the guest, relays the ways out, and runs the agent's commands.

Standard library alone, for it goes into images of every kind.
"""
