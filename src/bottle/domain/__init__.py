"""What is true: values and decisions. Standard library and attrs alone; no I/O, clock, environment or randomness."""
