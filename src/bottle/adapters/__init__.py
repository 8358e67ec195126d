"""How it is done: one room for each thing outside that bottle talks to."""
