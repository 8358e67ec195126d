"""Carries connections to where they cannot go by themselves: in a virtual machine, and into its sidecars' container."""
