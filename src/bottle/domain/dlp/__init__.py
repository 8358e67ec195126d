"""What of a request may be a secret on its way out: the values that must not leave, whatever they were turned into."""
