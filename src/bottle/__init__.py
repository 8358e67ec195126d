"""Run a coding agent in a box that holds no credential and reaches only what its bottle names."""

__version__ = "0.1.0"
