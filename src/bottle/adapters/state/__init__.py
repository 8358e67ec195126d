"""What is kept of each bottle, in files of the host."""

from bottle.adapters.state.store import StateFiles

__all__ = ["StateFiles"]
