"""Every bound of the way out in one place: sizes in bytes, times in seconds."""

# What a peer may send before it has said something whole.
REQUEST_LINE = 16 * 1024
HEADER_BLOCK = 64 * 1024
REQUEST_HEADERS = 96  # with what is added on the way, within the 100 that common servers take
RESPONSE_HEADERS = 256
INTERIM_RESPONSES = 64  # of status 1xx, before the one that answers
PIPELINED_REQUESTS = 16
PROXY_HEAD = 16 * 1024  # of an upstream proxy's answer to a CONNECT
DOCUMENT = 32 * 1024 * 1024  # one line on standard input

READ = 128 * 1024  # at a time: less costs system calls, more leaves the processor's cache on its way through

# How much waits in memory on its way through; above it, the faster side is paused.
WRITE_HIGH = 256 * 1024
UNPACKED = 16 * 1024 * 1024  # what one piece of a packed response may grow to
DISCARD = 1024 * 1024  # of a refused request's body, so that the client reads the refusal before the reset

WEBSOCKET_MESSAGE = 64 * 1024 * 1024  # of one message, either way; more ends the connection with 1009
WEBSOCKET_PIECE = 64 * 1024  # a frame up to this size is passed on as one frame, a longer one in pieces

CONNECTIONS = 1024
POOLED = 256
REMEMBERED_VERDICTS = 1024
REMEMBERED_TARGET = 512  # longer targets are judged anew each time
REMEMBERED_HEADERS = 2048
REMEMBERED_VALUE = 256  # longer headers are read anew each time

AGENT_HEAD_SECONDS = 20.0  # from a request's first byte to the end of its headers
AGENT_IDLE_SECONDS = 600.0  # between requests; clients lose requests when a proxy is the first to hang up
AGENT_BODY_SECONDS = 120.0  # without a byte of a body that was announced
AGENT_STALL_SECONDS = 600.0  # without taking a byte of what waits for it
AGENT_HANDSHAKE_SECONDS = 10.0
LINGER_SECONDS = 2.0  # after a refusal that ends the connection


RESOLVE_SECONDS = 10.0
CONNECT_SECONDS = 10.0
PROXY_SECONDS = 25.0  # for an upstream proxy to connect, and for TLS with the origin behind it
UPSTREAM_HANDSHAKE_SECONDS = 10.0
RESPONSE_SECONDS = 600.0  # to the first byte of a response: a model may think for minutes
RESPONSE_IDLE_SECONDS = 600.0  # between two pieces of a response
POOL_IDLE_SECONDS = 30.0  # shorter than the keep-alive of common servers (nginx 75, Go none, Node 5: retried)
TUNNEL_IDLE_SECONDS = 1800.0
WEBSOCKET_IDLE_SECONDS = 1800.0  # without a frame in either direction, pings included
WEBSOCKET_CLOSE_SECONDS = 5.0  # from one side's close to the other's
TUNNEL_HELLO_SECONDS = 10.0
TLS_SHUTDOWN_SECONDS = 1.0
SWEEP_SECONDS = 0.25  # how often deadlines are looked at, and waiting audit lines written
QUIET_SECONDS = 5.0  # without a request, until what the last ones took is given back to the kernel
STOP_SECONDS = 2.0  # what is under way gets this long after SIGTERM

AUDIT_FILE = 64 * 1024 * 1024  # of one file of the trail; then it goes on in another
AUDIT_TOTAL = 1024 * 1024 * 1024  # of all; then nothing more is let out: a box cannot fill its host's disk
AUDIT_LINES_WAITING = 256
DNS_LINES_PER_SECOND = 5
DNS_LINES_BURST = 50
