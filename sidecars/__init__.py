"""Programs that stand next to untrusted traffic. They are glue: bottle.domain decides."""
