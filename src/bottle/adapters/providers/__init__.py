"""What is particular to each agent program. Import `registry`; it imports a provider only when a bottle asks for it."""
