"""What the git gate costs."""
