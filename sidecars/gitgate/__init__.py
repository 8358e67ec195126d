"""The git gate: the agent's git speaks to it over HTTP; it alone has the keys of the upstreams."""
