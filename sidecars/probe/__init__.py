"""Looks, once and from inside, at the walls of a box before the agent gets it."""
