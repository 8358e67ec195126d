"""The proof of the walls from inside: a script for the box's own shell, and the judgement of what it found.

The script only reports; what a report means is decided here, and whatever is missing or not understood is a failure. It
needs sh and curl. It arrives on the shell's standard input, so that no value of it stands in any argument list.
"""

import re
import sys
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address

from attrs import frozen

from bottle.adapters.docker.guest_env import FILE, exports, quoted
from bottle.adapters.docker.names import Subnet
from bottle.domain.errors import ProvisionError, WallsError
from bottle.domain.hosts import Authority
from bottle.domain.provision import CA_BUNDLE, CA_FILE, Check

OUTSIDE_ADDRESS = "192.0.2.1"
"""TEST-NET-1 (RFC 5737): nobody's, so that an attempt tells nobody anything."""
OUTSIDE_NAME = "example.com"
ENGINE_SOCKETS = (
    "/var/run/docker.sock",
    "/run/docker.sock",
    "/run/podman/podman.sock",
    "/run/containerd/containerd.sock",
)

# A refusal must come at once: curl's 7 is "could not connect", 6 "could not resolve", 28 a time-out.
_AT_ONCE = "0.3"
NOT_WRITTEN = 99
"""The shell's status when the environment could not be written."""
_LINE = re.compile(r"([a-z0-9-]+) (.*)\Z")


@frozen
class Surroundings:
    """What the box must find around it, and must not.

    `gvisor`: its kernel is gVisor, which tells less of itself in /proc, and may have a network stack of its own.
    """

    proxy: Authority
    subnet: Subnet
    gvisor: bool = False


def furnished_part(values: Mapping[str, str], checks: Sequence[Check]) -> str:
    """The environment's values go to their file; then all that has nothing to do with the network, and the checks."""
    return f"""\
umask 0277
printf %s {quoted(exports(values))} > {FILE} || exit {NOT_WRITTEN}
umask 022
say() {{ printf '%s %s\n' "$1" "$2"; }}
try() {{
  name=$1; shift
  said=$(LC_ALL=C curl -q -v -o /dev/null --noproxy '*' "$@" </dev/null 2>&1)
  code=$?
  case "$said" in *refused*) code="$code refused" ;; esac
  say "$name" "$code"
}}
while read -r key value rest; do
  case "$key" in Uid:|CapEff:|CapPrm:|CapInh:|NoNewPrivs:) say status "$key $value" ;; esac
done < /proc/self/status
for socket in {" ".join(ENGINE_SOCKETS)}; do [ -e "$socket" ] && say socket "$socket"; done
while read -r device to gateway rest; do
  say route4 "$to $gateway"
done < /proc/net/route
[ -r /proc/net/ipv6_route ] && while read -r to length rest; do
  case "$rest" in *" lo") ;; *) say route6 "$to/$length" ;; esac
done < /proc/net/ipv6_route
{_AUTHORITY}{_checks(checks)}"""


def sealed_part(around: Surroundings) -> str:
    """What holds as soon as the box's network stack is closed."""
    return f"""\
try outside --connect-timeout {_AT_ONCE} http://{OUTSIDE_ADDRESS}:9/ &
try gateway --connect-timeout {_AT_ONCE} http://{around.subnet.gateway}:9/ &
"""


def last_part(around: Surroundings) -> str:
    """What needs the sidecar's answer. The shell ends with it."""
    return f"""\
try name --max-time 3 http://{OUTSIDE_NAME}:9/ &
try proxy --max-time 5 http://{around.proxy}/ &
wait
{_NEIGHBOURS}say end .
exit 0
"""


def _checks(checks: Sequence[Check]) -> str:
    parts = []
    for index, check in enumerate(checks):
        command = " ".join(quoted(word) for word in check.argv)
        said = '"$? $(set -f; echo $said)"'
        parts.append(f"said=$(. {FILE}; {command} </dev/null 2>&1); say check-{index} {said}\n")
    return "".join(parts)


# That the bundle vouches for the bottle's authority (EGR-16): by openssl, by looking for it where there is none.
_AUTHORITY = f"""\
if command -v openssl >/dev/null 2>&1; then
  openssl verify -CAfile {CA_BUNDLE} {CA_FILE} </dev/null >/dev/null 2>&1; say authority $?
else
  case "$(cat {CA_BUNDLE})" in *"$(cat {CA_FILE})"*) say authority 0 ;; *) say authority 1 ;; esac
fi
"""


# Who has answered to this network's questions for an address.
_NEIGHBOURS = """\
[ -r /proc/net/arp ] && while read -r address type flags rest; do
  case "$flags" in 0x0|HW) ;; *) say neighbour "$address" ;; esac
done < /proc/net/arp
"""


class _Report:
    """What the script said, by name."""

    def __init__(self, output: str) -> None:
        self._lines = [match.groups() for line in output.splitlines() if (match := _LINE.match(line))]

    def all(self, name: str) -> list[str]:
        return [value for key, value in self._lines if key == name]

    def one(self, name: str) -> str | None:
        """The value that was said exactly once; None otherwise."""
        values = self.all(name)
        return values[0] if len(values) == 1 else None

    def status(self, key: str) -> str | None:
        """A line of /proc/self/status."""
        values = [line.removeprefix(f"{key} ") for line in self.all("status") if line.startswith(f"{key} ")]
        return values[0] if len(values) == 1 else None

    def is_zero(self, key: str) -> bool:
        value = self.status(key)
        return value is not None and re.fullmatch("0+", value) is not None


def judge(output: str, around: Surroundings, checks: Sequence[Check]) -> None:
    """Raises WallsError that names the first wall that was not proved, ProvisionError for furniture that is amiss."""
    report = _Report(output)
    for holds, wall in _walls(report, around):
        if not holds:
            raise WallsError(
                f"a wall could not be proved: {wall}", hint="the box was removed; `bottle doctor` says more"
            )
    if report.one("authority") != "0":
        raise ProvisionError("the bottle's own authority is not trusted inside the box (openssl verify failed)")
    for index, check in enumerate(checks):
        status, _, said = (report.one(f"check-{index}") or "? nothing was said").partition(" ")
        if status != "0":
            raise ProvisionError(f"{check.error}: {said}".rstrip(": "))


def _walls(report: _Report, around: Surroundings) -> list[tuple[bool, str]]:
    # The kernel refuses at once what the seal blocks; a network stack of gVisor's own waits for an answer, in vain.
    refused = {"7", "28"} if around.gvisor else {"7"}
    uid = report.status("Uid:")
    return [
        (report.one("end") == ".", "probe: it did not come to its end"),
        (uid is not None and uid.isdecimal() and uid != "0", "user: the agent is root"),
        (all(report.is_zero(f"Cap{kind}:") for kind in ("Eff", "Prm", "Inh")), "capabilities: some are left"),
        (report.status("NoNewPrivs:") in {"1", None if around.gvisor else "1"}, "privileges: new ones can be had"),
        (not report.all("socket"), "engine: its socket is in the box"),
        (_only_ours(report.all("route4"), around.subnet), "network: a route leads elsewhere"),
        (not report.all("route6"), "network: there is a route over IPv6"),
        (report.one("outside") in refused, "network: an outside address is not refused at once"),
        (report.one("gateway") in refused, "host: the network's gateway answers"),
        (set(report.all("neighbour")) <= {around.subnet.sidecar}, "host: a neighbour besides the sidecar answers"),
        (report.one("name") == "6", "names: an outside name is not refused"),
        (report.one("proxy") == "0", "way out: the sidecar does not answer at its port"),
    ]


def _only_ours(routes: Sequence[str], subnet: Subnet) -> bool:
    """Whether each route stays in the subnet or leads to its gateway, which nobody is (Docker 20.10 sets that one)."""
    if routes[:1] != ["Destination Gateway"]:
        return False
    for line in routes[1:]:
        to, _, via = line.partition(" ")
        destination, gateway = _from_proc(to), _from_proc(via)
        if gateway != IPv4Address(subnet.gateway) and (int(gateway) or destination not in subnet.network):
            return False
    return True


def _from_proc(word: str) -> IPv4Address:
    """An address as /proc/net/route has it: hexadecimal, in the processor's byte order."""
    return IPv4Address(int(word, 16).to_bytes(4, sys.byteorder)) if re.fullmatch("[0-9A-F]{8}", word) else _NOBODY


_NOBODY = IPv4Address("255.255.255.255")
