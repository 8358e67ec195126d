"""Boxes that are virtual machines, made by the `smolvm` program; their sidecars are processes of this host."""
