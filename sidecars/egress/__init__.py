"""The one way out: an intercepting proxy that judges every request, writes it anew and keeps the evidence."""
