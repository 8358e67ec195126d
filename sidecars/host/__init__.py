"""How the programs beside the box deal with the host that starts them: its answers, its sockets, its secrets."""
