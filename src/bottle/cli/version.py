"""What `bottle --version` says."""

from bottle import __version__


def version() -> str:
    """Release and commit: `bottle 0.1.0 (f5258edc55ad)`."""
    from bottle.adapters.release import commit  # not through wiring: this needs none of what that composes

    known = commit()
    return f"bottle {__version__} ({known})" if known else f"bottle {__version__}"
