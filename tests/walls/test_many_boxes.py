"""Several boxes of namespaces at once know nothing of each other."""

import uuid

from tests.support.embedded import processes_of, runtime_of
from tests.walls.conftest import Box

SERVER = (
    "import socket, time\n"
    "tcp = socket.create_server(('127.0.0.1', 7654))\n"
    "name = socket.socket(socket.AF_UNIX); name.bind('\\0the-other-box'); name.listen()\n"
    "path = socket.socket(socket.AF_UNIX); path.bind('/tmp/the-other-box'); path.listen()\n"
    "time.sleep(60)\n"
)


def test_ports_and_sockets_of_another_box_are_not_there(embedded: Box, another: Box) -> None:
    attacks = (("tcp", "127.0.0.1", 7654), ("abstract", "the-other-box"), ("unix", "/tmp/the-other-box"))
    script = "cat > /tmp/server.py; python3 /tmp/server.py & while ! [ -S /tmp/the-other-box ]; do sleep 0.1; done"
    another.bottle.run(["sh", "-c", script], stdin=SERVER.encode())
    another.shell(
        "while ! python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect(\"/tmp/the-other-box\")'; do :; done"
    )
    assert another.tries(*attacks) == ["ok connected"] * 3
    assert embedded.tries(*attacks) == ["ECONNREFUSED", "ECONNREFUSED", "ENOENT"]
    another.shell("rm /tmp/the-other-box /tmp/server.py; kill -9 -1")


def test_files_and_shared_memory_of_another_box_are_not_there(embedded: Box, another: Box) -> None:
    name = uuid.uuid4().hex
    places = [f"{place}/{name}" for place in ("/tmp", "/dev/shm", "/home/node")]
    assert set(another.tries(*(("write", path) for path in places))) == {"ok written"}
    assert set(embedded.tries(*(("read", path) for path in places))) == {"ENOENT"}
    key = int(name[:7], 16)
    made = another.tries(("call", "shmget", key, 4096, 0o1666))
    assert made[0].startswith("ok")
    assert embedded.tries(("shared_memory", key)) == ["ENOENT"]


def test_processes_of_another_box_are_not_there(embedded: Box, another: Box) -> None:
    target = processes_of(another.bottle).box
    assert embedded.tries(("signalled", target, 9), ("traced", target))[0] in {"ESRCH", "EPERM"}
    assert another.shell("echo on") == "on\n"
    names = {box.shell("hostname").strip() for box in (embedded, another)}
    assert names == {embedded.bottle.identity, another.bottle.identity}


def test_the_doors_of_another_box_are_out_of_reach(embedded: Box, another: Box) -> None:
    sockets = [str(runtime_of(another.bottle) / name) for name in ("control", "box")]
    assert set(embedded.tries(*(("unix", path) for path in sockets))) == {"ENOENT"}


def test_a_way_out_serves_its_own_box_alone(embedded: Box, another: Box) -> None:
    """Each box's proxy is its own process, at the same address in another network."""
    one, other = (processes_of(box.bottle).way_out for box in (embedded, another))
    assert one != other
    ask = "curl -s -o /dev/null -w '%{http_connect}' -x http://egress:8888 https://unlisted.example/"
    assert [box.shell(ask).strip() for box in (embedded, another)] == ["403", "403"]
