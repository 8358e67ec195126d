"""Manifests as files: text to nodes (frontmatter), nodes to domain values (structure), and the files (store)."""
