"""Lines that tell what was let out, kept by every sidecar in the same way."""
