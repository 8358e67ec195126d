"""What one agent may cost its operator, and this program."""

CONNECTIONS = 32
"""At a time."""

TURNED_AWAY = 128
"""Connections at a time, with those that are told that there are too many; what comes beyond is told nothing."""

UNWELCOME_SECONDS = 2.0
"""Until one that will be turned away has said what it wants, to be told so."""

REQUEST = 64 * 1024
"""Bytes of a request's body."""

HEAD_SECONDS = 20.0
"""Until a request has come whole."""

IDLE_SECONDS = 300.0
"""Between two requests on a connection."""

PENDING = 16
"""Proposals that wait for an answer at a time."""

EACH_MINUTE = 10
"""Proposals within a minute."""

IN_ALL = 500
"""Proposals of a bottle."""

WAIT_SECONDS = 50
"""How long `wait` waits where the client does not say: less than the minute that clients give a tool."""

LONGEST_WAIT = 540

LOOK_SECONDS = 0.2
"""Between two looks at whether an answer came."""

SIGN_OF_LIFE_SECONDS = 10.0
"""Between two comments on the stream of a call that waits."""
