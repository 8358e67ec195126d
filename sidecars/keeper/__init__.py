"""The process on the host that is the parent of one bottle's box and sidecars: when it ends, they end."""
