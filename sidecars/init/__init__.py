"""The first process of a box that has no engine: it opens the doors, runs the commands and buries the dead.

Standard library alone, and little of it, for it is imported at every start under `python -I -S`.
"""
