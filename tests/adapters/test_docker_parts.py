"""The parts of the docker backend that need no engine: shell quoting, subnets, frames, what containers are told."""

import io
import ipaddress
import shutil
import ssl
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bottle.adapters.docker import containers, furnish, guest_env, seal, survey
from bottle.adapters.docker.agent_user import numbers_of
from bottle.adapters.docker.names import Names, Owned, subnet_for
from bottle.adapters.docker.networks import Subnets
from bottle.adapters.docker.streams import Frames
from bottle.adapters.fake.progress import FakeProgress
from bottle.adapters.java_store import java_store
from bottle.adapters.sidecar import leaves
from bottle.domain.errors import ProvisionError
from bottle.domain.manifest import Resources
from bottle.domain.plan import Image
from bottle.domain.provision import JAVA_STORE
from tests.support import bottles

IMAGES = (Image("box:1"), Image("sidecar:1"))
VALUES = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=60)


@pytest.mark.parametrize("shell", [name for name in ("sh", "bash", "dash", "busybox") if shutil.which(name)])
@given(value=VALUES)
def test_a_shell_reads_back_every_value_as_it_was(shell: str, value: str) -> None:
    argv = [shell, "sh"] if shell == "busybox" else [shell]
    script = guest_env.exports({"VALUE": value}) + 'printf %s "$VALUE"'
    done = subprocess.run([*argv, "-c", script], capture_output=True, check=True, env={"LC_ALL": "C.UTF-8"})
    assert done.stdout == value.encode()


@pytest.mark.parametrize(
    "value", ["'", "''", "$(id)", "`id`", "\\", '"', "a\nb", "-n", "'; exit 1; '", "ü", "\r", "\x01"]
)
def test_values_that_shells_trip_over(value: str) -> None:
    done = subprocess.run(
        ["sh", "-c", guest_env.exports({"V": value}) + 'printf %s "$V"'], capture_output=True, check=True
    )
    assert done.stdout == value.encode()


def test_what_no_environment_can_hold_is_refused() -> None:
    with pytest.raises(ProvisionError, match="NUL"):
        guest_env.exports({"V": "a\0b"})
    for name in ("", "A B", "A=B", "1A", "A;id", "A\n"):
        with pytest.raises(ProvisionError, match="cannot be the name"):
            guest_env.exports({name: "x"})


@given(name=st.text(max_size=30), attempt=st.integers(0, 20))
def test_every_subnet_is_a_small_one_of_the_pool_with_apart_addresses(name: str, attempt: int) -> None:
    subnet = subnet_for(name, attempt)
    assert subnet.network.subnet_of(ipaddress.IPv4Network("198.18.0.0/15"))
    assert subnet.network.prefixlen == 29
    assert len({subnet.gateway, subnet.sidecar, subnet.box}) == 3
    assert subnet_for(name, attempt) == subnet


def test_each_attempt_tries_another_subnet() -> None:
    assert len({subnet_for("bot-bottle-demo-abc12", attempt) for attempt in range(16)}) > 14


@given(st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=50)), max_size=8), st.integers(1, 20))
def test_frames_are_the_same_however_they_are_cut(sent: list[tuple[int, bytes]], size: int) -> None:
    wire = b"".join(bytes([stream, 0, 0, 0]) + len(data).to_bytes(4, "big") + data for stream, data in sent)
    frames = Frames()
    taken = [frame for at in range(0, len(wire), size) for frame in frames.feed(wire[at : at + size])]
    assert taken == sent


def test_the_box_is_told_every_limit_and_nothing_of_the_hosts() -> None:
    plan = bottles.a_plan(
        IMAGES, env={"OPEN": "x"}, host_env=["CLOSED"], resources=Resources(memory=10**9, cpus=8, pids=99)
    )
    names, owned = Names(plan.identity), Owned("me", plan.identity)
    told, on_runc = (
        containers.box(plan, names, owned, Subnets.of(names, 0), containers.Host(cpus=2, runtime=runtime))
        for runtime in ("runsc", "")
    )
    host = told["HostConfig"]
    assert (host["Memory"], host["MemorySwap"]) == (10**9, 10**9)
    assert {"Name": "nproc", "Soft": 99, "Hard": 99} in host["Ulimits"]
    assert host["PidsLimit"] > 9 * 99, "gVisor has several threads for each process, and the host counts those"
    assert on_runc["HostConfig"]["PidsLimit"] == 99
    assert "nproc" not in str(on_runc["HostConfig"]["Ulimits"]), "it would count all that this user number has there"
    assert host["NanoCpus"] == 2 * 10**9, "an engine refuses more processors than there are"
    assert host["CapDrop"] == ["ALL"]
    assert "no-new-privileges" in host["SecurityOpt"]
    assert host["Runtime"] == "runsc"
    assert not {"Binds", "Mounts", "Devices", "Privileged", "CapAdd", "PortBindings", "PidMode", "IpcMode"} & set(host)
    assert told["Env"] == ["OPEN=x"]
    assert told["User"] == "node"


def test_the_sidecar_has_one_mount_and_a_root_that_cannot_be_written() -> None:
    plan = bottles.a_plan(IMAGES)
    names, owned = Names(plan.identity), Owned("me", plan.identity)
    told = containers.sidecar(plan, names, owned, Subnets.of(names, 0), Path("/host/audit"))
    assert told["HostConfig"]["ReadonlyRootfs"]
    assert [mount["Source"] for mount in told["HostConfig"]["Mounts"]] == ["/host/audit"]
    assert told["HostConfig"]["CapDrop"] == ["ALL"]
    assert "Env" not in told


def test_the_seal_has_one_capability_and_only_the_boxes_network() -> None:
    names = Names("demo-abc12")
    told = seal.container("sidecar:1", names, Owned("me", "demo-abc12"), "198.18.0.2")
    assert told["HostConfig"]["CapAdd"] == ["NET_ADMIN"]
    assert told["HostConfig"]["NetworkMode"] == f"container:{names.box}"
    assert not {"Binds", "Mounts", "Privileged", "PidMode"} & set(told["HostConfig"])


def test_a_leafs_key_and_chain_are_taken_apart() -> None:
    [leaf] = leaves({"example.com": bottles.certificates().leaves["example.com"]})
    assert leaf.certificate.startswith("-----BEGIN CERTIFICATE-----")
    assert "PRIVATE KEY" not in leaf.certificate
    assert leaf.key.startswith("-----BEGIN")
    assert "CERTIFICATE" not in leaf.key


INFO = {
    "NCPU": 4,
    "MemoryLimit": True,
    "SwapLimit": True,
    "PidsLimit": True,
    "CpuCfsQuota": True,
    "SecurityOptions": ["name=seccomp,profile=default", "name=userns"],
    "Runtimes": {"runc": {}, "runsc": {}},
}


def test_a_survey_names_the_walls_that_are_missing_too() -> None:
    full = {wall.name: wall.present for wall in survey.walls(INFO, survey.host(INFO))}
    assert all(full.values())
    bare = {"NCPU": 1, "Runtimes": {"runc": {}}, "SecurityOptions": []}
    missing = {wall.name for wall in survey.walls(bare, survey.host(bare)) if not wall.present}
    assert missing == {"system calls", "limits", "kernel", "user namespace"}


def test_gvisor_is_used_where_the_engine_has_it() -> None:
    assert survey.host(INFO).runtime == "runsc"
    assert survey.host({**INFO, "Runtimes": {"runc": {}}}).runtime == ""


@pytest.mark.parametrize(
    "other",
    [
        {"Runtimes": {"runc": {}, "runsc": {}}},  # its kernel is not the host's
        {"SecurityOptions": ["name=seccomp,profile=/etc/docker/mine.json"]},
        {"SecurityOptions": []},
        {"BuildahVersion": "1.42"},
        {"Architecture": "riscv64"},
    ],
)
def test_our_profile_takes_the_place_of_dockers_own_alone(other: dict[str, object]) -> None:
    plain = {**INFO, "Runtimes": {"runc": {}}, "Architecture": "x86_64"}
    assert "our seccomp profile" in [wall.how for wall in survey.walls(plain, survey.host(plain))]
    assert survey.host({**plain, **other}).profile == ""


def test_a_box_trusts_the_image_s_roots_and_its_own_authority_in_javas_form_too() -> None:
    """Debian's Javas, Maven and Gradle read this store; that a Java takes it is shown on namespaces."""
    authority, other = (bottles.certificates(host).authority for host in ("example.com", "other.example"))
    packed = b"".join(furnish.archive(bottles.a_plan(IMAGES), authority, other.encode(), FakeProgress()))
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        kept = tar.extractfile(JAVA_STORE.lstrip("/"))
        assert kept is not None
        assert kept.read() == java_store(ssl.PEM_cert_to_DER_cert(pem) for pem in (other, authority))


@pytest.mark.parametrize(
    ("listed", "numbers"),
    [
        (b"root:x:0:0::/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n", [1000, 1000]),
        (b"node:x:1000:0::/home/node:/bin/sh", [1000, 0]),
        (b"node:x:1000:1000::/:\n  node:x:0:0::/:", [1000, 1000, 0, 0]),
        ("node:x:1000:1000::/:\n\u00a0node:x:0:0::/:".encode(), [1000, 1000, 0, 0]),
        ("node:x:\u0661:7::/:".encode(), [0, 7]),
        (b"node:x:a thousand:-1::/:", [0, 0]),
        (b"node", [0, 0]),
        (b"nodes:x:1:1::/:\n# node:x:1:1::/:\n\n", []),
    ],
)
def test_the_agents_numbers_are_read_as_an_engine_reads_them(listed: bytes, numbers: list[int]) -> None:
    assert numbers_of("node", listed) == numbers
