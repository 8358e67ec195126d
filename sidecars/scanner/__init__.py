"""What looks for secrets on their way out."""
