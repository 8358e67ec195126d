"""The proof of the walls: it refuses boxes that were broken on purpose, and reports that make no sense."""

import os

import pytest
from attrs import evolve

from bottle.adapters.docker import probe, seal
from bottle.adapters.docker.names import subnet_for
from bottle.adapters.docker.networks import NetworkOptions
from bottle.adapters.docker.probe import Surroundings, judge
from bottle.adapters.docker.seal import Sealer
from bottle.adapters.fake.progress import FakeProgress
from bottle.domain.errors import ProvisionError, WallsError
from bottle.domain.hosts import Authority
from bottle.domain.provision import Check
from tests.support import bottles
from tests.support.requirements import require

SUBNET = subnet_for("bot-bottle-probe-00000", 0)
AROUND = Surroundings(Authority("egress", 8888), SUBNET)


def as_in_proc(address: str) -> str:
    return "".join(f"{int(part):02X}" for part in reversed(address.split(".")))


GOOD = f"""\
status Uid: 1000
status CapInh: 0000000000000000
status CapPrm: 0000000000000000
status CapEff: 0000000000000000
status NoNewPrivs: 1
route4 Destination Gateway
route4 00000000 {as_in_proc(SUBNET.gateway)}
route4 {as_in_proc(str(SUBNET.network.network_address))} 00000000
authority 0
check-0 0 fine
outside 7
gateway 7
name 6
proxy 0
neighbour {SUBNET.sidecar}
end .
"""
CHECKS = (Check(("true",), "the program is missing"),)


def test_a_box_as_it_should_be_is_handed_over() -> None:
    judge(GOOD, AROUND, CHECKS)


@pytest.mark.parametrize(
    ("line", "instead", "wall"),
    [
        ("status Uid: 1000", "status Uid: 0", "user"),
        ("status Uid: 1000", "status Uid: many", "user"),
        ("status CapEff: 0000000000000000", "status CapEff: 00000000a80425fb", "capabilities"),
        ("status CapPrm: 0000000000000000", "status CapPrm: 0000000000000001", "capabilities"),
        ("status NoNewPrivs: 1", "status NoNewPrivs: 0", "privileges"),
        ("outside 7", "outside 0", "network"),
        ("outside 7", "outside 28", "network"),
        ("outside 7", "outside 7 refused", "network"),
        ("gateway 7", "gateway 7 refused", "host"),
        ("gateway 7", "gateway 0", "host"),
        ("name 6", "name 7", "names"),
        ("name 6", "name 28", "names"),
        ("proxy 0", "proxy 7 refused", "way out"),
        ("proxy 0", "proxy 28", "way out"),
        ("end .", "route6 00000000000000000000000000000000/00\nend .", "network"),
        ("end .", "socket /var/run/docker.sock\nend .", "engine"),
        ("end .", f"neighbour {SUBNET.gateway}\nend .", "host"),
        ("end .", "route4 00000000 010011AC\nend .", "network"),
        ("end .", "route4 000011AC 00000000\nend .", "network"),
        ("end .", "route4 nonsense here\nend .", "network"),
        ("route4 Destination Gateway\n", "", "network"),
    ],
)
def test_each_wall_that_does_not_hold_is_named(line: str, instead: str, wall: str) -> None:
    assert line in GOOD
    with pytest.raises(WallsError, match=f"could not be proved: {wall}"):
        judge(GOOD.replace(line, instead), AROUND, CHECKS)


@pytest.mark.parametrize(
    "line", [line for line in GOOD.splitlines() if not line.startswith(("check", "auth", "route4", "neigh"))]
)
def test_a_report_without_one_of_its_lines_is_refused(line: str) -> None:
    with pytest.raises(WallsError):
        judge(GOOD.replace(f"{line}\n", ""), AROUND, CHECKS)


@pytest.mark.parametrize("line", ["outside 7", "gateway 7", "name 6", "proxy 0", "end ."])
def test_a_line_that_is_said_twice_is_no_proof(line: str) -> None:
    with pytest.raises(WallsError):
        judge(GOOD + f"{line}\n", AROUND, CHECKS)


@pytest.mark.parametrize("length", range(0, len(GOOD) - 1, 7))
def test_a_report_that_is_cut_off_anywhere_is_refused(length: int) -> None:
    with pytest.raises(WallsError):
        judge(GOOD[:length], AROUND, CHECKS)


def test_gvisor_says_less_and_may_have_a_stack_of_its_own() -> None:
    less = GOOD.replace("status NoNewPrivs: 1\n", "").replace("outside 7", "outside 28")
    judge(less, Surroundings(AROUND.proxy, SUBNET, gvisor=True), CHECKS)
    with pytest.raises(WallsError):
        judge(less, AROUND, CHECKS)


def test_an_authority_that_is_not_trusted_and_a_check_that_fails_are_the_furnitures_fault() -> None:
    with pytest.raises(ProvisionError, match="authority"):
        judge(GOOD.replace("authority 0", "authority 2"), AROUND, CHECKS)
    with pytest.raises(ProvisionError, match="the program is missing: no such thing"):
        judge(GOOD.replace("check-0 0 fine", "check-0 127 no such thing"), AROUND, CHECKS)
    with pytest.raises(ProvisionError, match="nothing was said"):
        judge(GOOD.replace("check-0 0 fine\n", ""), AROUND, CHECKS)


def _refused(options: NetworkOptions | None = None) -> str:
    """What the launch of a broken box says; nothing of it is left."""
    require("docker")
    backend = bottles.docker_backend(f"broken:{os.getpid()}", network_options=options)
    plan = bottles.a_plan(bottles.images_for_tests())
    with bottles.audit_directory() as audit, pytest.raises(WallsError) as caught:
        backend.launch(plan, bottles.a_cargo(), audit, FakeProgress(), bottles.never)
    assert not backend.leftovers()
    return str(caught.value)


def test_a_box_whose_network_stack_stays_open_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sealer, "close_stack", lambda self: None)
    assert "outside address is not refused at once" in _refused()


def test_a_box_that_can_reach_its_gateway_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine's own recipe: the bridge has an address of the host's, and nothing closes the way to it."""
    monkeypatch.setattr(Sealer, "close_stack", lambda self: None)
    assert "could not be proved" in _refused(NetworkOptions(inhibit_gateway=False))


def test_a_box_with_a_way_to_the_outside_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sealer, "close_stack", lambda self: None)
    assert "could not be proved" in _refused(NetworkOptions(internal=False, inhibit_gateway=False))


def test_a_seal_that_the_kernel_refuses_stops_the_launch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal, "PROGRAM", "import sys; sys.exit('the kernel refused a policy: error 95')")
    said = _refused()
    assert "stays open" in said
    assert "error 95" in said


def test_a_resolver_that_answers_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine resolves the sidecar's name: asked for as an outside one, it stands for a resolver that leaks."""
    monkeypatch.setattr(probe, "OUTSIDE_NAME", "egress")
    assert "names: an outside name is not refused" in _refused()


def test_a_sidecar_that_does_not_serve_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    require("docker")
    backend = bottles.docker_backend(f"broken:{os.getpid()}")
    plan = evolve(bottles.a_plan(bottles.images_for_tests()), proxy=Authority("nobody", 8888))
    with bottles.audit_directory() as audit, pytest.raises(WallsError, match="way out"):
        backend.launch(plan, bottles.a_cargo(), audit, FakeProgress(), bottles.never)
    assert not backend.leftovers()
