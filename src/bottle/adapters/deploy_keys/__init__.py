"""Keys at forges: the record of them, and what each kind of forge wants to be asked."""
