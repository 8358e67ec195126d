"""The fixtures of the way out's tests."""

from tests.egress.conftest import bottle_ca, make_origin, make_sidecar, world_ca

__all__ = ["bottle_ca", "make_origin", "make_sidecar", "world_ca"]
