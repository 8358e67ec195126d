"""Secrets known by their shape: by the rules of gitleaks and Kingfisher, two of our own, and the operator's."""
