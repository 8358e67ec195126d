"""What of a request may be a secret on its way out: the values that must not leave, in whatever they were turned into."""
