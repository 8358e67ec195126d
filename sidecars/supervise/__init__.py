"""The server by which a stuck agent asks its operator, and learns the answer (Model Context Protocol)."""
