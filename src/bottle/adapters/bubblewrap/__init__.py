"""The embedded backend: a box of namespaces, with no engine, daemon or root."""
