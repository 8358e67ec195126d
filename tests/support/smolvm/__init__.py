"""A double of the `smolvm` program: what it takes, says and keeps as the real one does, with namespaces for machines.

It shows nothing about the isolation of a virtual machine. Needs root, for it mounts.
"""
