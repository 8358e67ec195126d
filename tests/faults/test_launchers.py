"""A bottle is the same whatever mask, limits and ignored signals its launcher was given by whoever started it."""

import pytest

from tests.faults.conftest import Host

HABITS = (
    "umask 077; ulimit -Hc 0; ulimit -Sn 256; trap '' HUP INT QUIT PIPE CHLD; unset HOME LANG TERM; cd /proc/self;"
    " exec 7</etc/passwd 8>/dev/null"
)


@pytest.mark.parametrize("habits", [HABITS, "umask 000"])
def test_what_a_launcher_was_given_makes_no_difference(host: Host, habits: str) -> None:
    started = host.launch("start", "sleeper", "--yes", "--detach", before=("sh", "-c", f'{habits}; exec "$@"', "sh"))
    said, _ = started.communicate(timeout=60)
    assert started.returncode == 0, said
    identity = said.splitlines()[-1]
    ignored = 'for name in HUP INT QUIT PIPE; do sh -c "kill -$name \\$\\$; echo $name is ignored"; done'
    said = host.bottle("exec", identity, "--", "sh", "-c", f"umask; cd /proc/self/fd; echo *; {ignored}; true")
    assert [line for line in said.splitlines() if line.startswith(("0", "1")) or "ignored" in line] == [
        "0022",
        "0 1 2 3",  # the last one reads the list
    ]
    host.bottle("stop", identity)
    assert host.made() == []
