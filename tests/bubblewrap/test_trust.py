"""The trust stores of a box: real clients in a real box believe the bottle's authority, and no other."""

import datetime
import shutil
import ssl
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest
from attrs import frozen

from bottle.adapters.bubblewrap import java_places, trust
from bottle.adapters.certificates import LocalAuthority
from bottle.app.ports import BottleCertificates
from bottle.domain.errors import ProvisionError
from bottle.domain.hosts import Authority
from bottle.domain.provision import CA_BUNDLE
from bottle.domain.toolchain import own_env
from tests.support import trusting
from tests.support.bare_box import BareBox
from tests.support.requirements import require
from tests.support.trusting import HOST

PROGRAMS = {
    **dict.fromkeys(("curl", "wget", "openssl", "git", "npm", "java", "go"), ""),
    **dict.fromkeys(("python", "requests", "pip"), "python3"),
    **dict.fromkeys(("node-https", "node-fetch"), "node"),
}
WITHOUT_ENVIRONMENT = ["curl", "wget", "openssl", "git", "python", "pip", "java", "go"]
REFUSED = ("certificate", "cert", "PKIX", "x509", "SSL", "Verif", "UNABLE_TO_VERIFY")
NOW = datetime.datetime.now(datetime.UTC)


def issued(identity: str = "dev-abcde") -> BottleCertificates:
    return LocalAuthority().issue(identity, [HOST], NOW)


@frozen
class World:
    """A server that speaks for HOST, and the certificates that it was issued."""

    port: int
    certificates: BottleCertificates
    binds: tuple[tuple[Path, str], ...]

    def box(self, stores: trust.Stores, *, told: bool) -> BareBox:
        """One that shares the host's network, where the server is."""
        etc = {
            "/etc/hosts": f"127.0.0.1 localhost {HOST}\n".encode(),
            "/etc/nsswitch.conf": b"hosts: files\npasswd: files\n",
            "/etc/passwd": b"node:x:1000:1000::/home/node:/bin/sh\n",
        }
        environment = own_env(Authority("localhost", 1)) if told else {}
        roots = {name: value for name, value in environment.items() if value == CA_BUNDLE}
        return BareBox(
            files={**stores.box, **etc},
            links=stores.links,
            binds=self.binds,
            network=True,
            environment={**roots, "PYTHONPATH": "/opt/packages"},
        )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    require("bubblewrap")
    directory = tmp_path_factory.mktemp("world")
    (directory / "Main.java").write_text(trusting.JAVA)
    binds = [(directory / "Main.java", "/tmp/Main.java"), (Path(sysconfig.get_path("purelib")), "/opt/packages")]
    if shutil.which("go"):
        (directory / "main.go").write_text(trusting.GO)
        subprocess.run(["go", "build", "-o", "client", "main.go"], cwd=directory, check=True, capture_output=True)
        binds.append((directory / "client", "/tmp/client"))
    certificates = issued()
    leaf = certificates.leaves[HOST]
    with trusting.answering(leaf, directory) as port:
        yield World(port, certificates, tuple(binds))


def ask(world: World, box: BareBox, client: str) -> "subprocess.CompletedProcess[str]":
    require(PROGRAMS[client] or client)
    return box.run(*trusting.asked(client, world.port))


def is_answered(client: str, done: "subprocess.CompletedProcess[str]") -> bool:
    return done.returncode == 0 and trusting.ANSWERS.get(client, "200") in done.stdout


@pytest.mark.parametrize("client", PROGRAMS)
def test_clients_trust_the_bottles_authority(world: World, client: str) -> None:
    stores = trust.stores(world.certificates.authority)
    done = ask(world, world.box(stores, told=True), client)
    assert is_answered(client, done), done.stdout + done.stderr


@pytest.mark.parametrize("client", WITHOUT_ENVIRONMENT)
def test_clients_that_are_told_nothing_trust_it_too(world: World, client: str) -> None:
    """Build tools scrub the environment: bazel, tox, sudo, `env -i`."""
    stores = trust.stores(world.certificates.authority)
    done = ask(world, world.box(stores, told=False), client)
    assert is_answered(client, done), done.stdout + done.stderr


@pytest.mark.parametrize("client", PROGRAMS)
def test_clients_refuse_the_authority_of_another_bottle(world: World, client: str) -> None:
    done = ask(world, world.box(trust.stores(issued("other").authority), told=True), client)
    assert not is_answered(client, done)
    assert any(word in done.stdout + done.stderr for word in REFUSED), done.stdout + done.stderr


def test_openssl_finds_it_by_its_hash_alone(world: World) -> None:
    box = world.box(trust.stores(world.certificates.authority), told=False)
    command = f"openssl s_client -no-CAfile -CApath /etc/ssl/certs -verify_return_error -connect {HOST}:{world.port}"
    done = box.run("sh", "-c", f"{command} </dev/null")
    assert "Verify return code: 0" in done.stdout, done.stderr


def test_the_box_trusts_the_hosts_roots_and_its_own(tmp_path: Path) -> None:
    roots = public_roots(3)
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("".join(roots))
    authority = issued().authority
    stores = trust.stores(authority, [bundle], java_places=["/etc/ssl/certs/java/cacerts"])
    assert stores.host.decode() == "".join(roots)
    assert stores.box[CA_BUNDLE].decode() == "".join(roots) + authority
    assert stores.box[trust.AUTHORITY].decode() == authority
    assert set(stores.links.values()) == {CA_BUNDLE, trust.AUTHORITY}
    store = stores.box["/etc/ssl/certs/java/cacerts"]
    assert all(ssl.PEM_cert_to_DER_cert(pem) in store for pem in (*roots, authority))


def test_without_java_no_store_is_made_for_it() -> None:
    stores = trust.stores(issued().authority, java_places=())
    assert set(stores.box) == {CA_BUNDLE, trust.AUTHORITY, "/etc/pip.conf"}


def public_roots(count: int) -> list[str]:
    """The first of certifi's, as OpenSSL would write them."""
    ends = "-----END CERTIFICATE-----\n"
    blocks = Path(certifi.where()).read_text().split(ends)[:count]
    return [f"-----BEGIN CERTIFICATE-----{block.partition('-----BEGIN CERTIFICATE-----')[2]}{ends}" for block in blocks]


FIRST, SECOND = public_roots(2)
BODY = FIRST.split("-----")[2]


@pytest.mark.parametrize(
    "noise",
    [
        "",
        "# a comment\nSubject: CN=somebody\n",
        FIRST,  # a second time
        FIRST.replace(BODY, BODY[:400] + "\n"),  # cut off
        FIRST.replace(BODY, "\naGVsbG8gd29ybGQ=\n"),  # valid base64 of no certificate
        FIRST.replace(BODY, "\n!!!!\n"),
        FIRST.replace(BODY, "\n\n"),
        FIRST.replace(BODY, "\nMIAAAA==\n"),  # of no definite length
        FIRST.replace("CERTIFICATE", "PRIVATE KEY"),
        FIRST.replace("CERTIFICATE", "X509 CRL"),
        "-----BEGIN CERTIFICATE-----\n",
        "\x00\xff\ufffd",
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_what_is_no_certificate_is_dropped(tmp_path: Path, noise: str, ending: str) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(f"{FIRST}{noise}{SECOND}{noise}".replace("\n", ending).encode())
    assert trust.stores(issued().authority, [bundle], ()).host.decode() == FIRST + SECOND


@pytest.mark.parametrize("content", [b"", b"no certificate at all", b"\x00" * 1000, None])
def test_a_useless_bundle_leads_to_the_next_and_at_last_to_certifi(tmp_path: Path, content: bytes | None) -> None:
    useless, directory, good = tmp_path / "useless.pem", tmp_path / "directory", tmp_path / "good.pem"
    directory.mkdir()
    good.write_text(SECOND)
    if content is not None:
        useless.write_bytes(content)
    authority = issued().authority
    assert trust.stores(authority, [useless, directory, good], ()).host.decode() == SECOND
    assert trust.stores(authority, [useless], ()).host.count(b"BEGIN CERTIFICATE") > 100


@pytest.mark.parametrize("authority", ["", "no certificate", FIRST + SECOND])
def test_the_authority_must_be_one_certificate(authority: str) -> None:
    with pytest.raises(ProvisionError, match="authority is no certificate"):
        trust.stores(authority)


def test_the_hash_is_openssls(tmp_path: Path) -> None:
    require("openssl")
    for identity in ("dev-abcde", "Großes  Feld"):
        authority = issued(identity).authority
        (tmp_path / "ca.pem").write_text(authority)
        command = ["openssl", "x509", "-noout", "-hash", "-in", str(tmp_path / "ca.pem")]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        assert f"/etc/ssl/certs/{said}.0" in trust.stores(authority, java_places=()).links


def test_javas_are_found_where_each_distribution_keeps_their_roots(tmp_path: Path) -> None:
    def java(home: str, link: str | None) -> None:
        security = tmp_path / "usr/lib/jvm" / home / "lib/security"
        security.mkdir(parents=True)
        if link is None:
            (security / "cacerts").touch()
        else:
            (security / "cacerts").symlink_to(f"../../../../../../{link}")

    for path in ("etc/ssl/certs/java/cacerts", "etc/pki/ca-trust/extracted/java/cacerts", "var/lib/ca-certificates/j"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    (tmp_path / "etc/pki/java").mkdir()
    (tmp_path / "etc/pki/java/cacerts").symlink_to("../ca-trust/extracted/java/cacerts")
    java("debian-17", "etc/ssl/certs/java/cacerts")
    java("debian-21", "etc/ssl/certs/java/cacerts")
    java("fedora", "etc/pki/java/cacerts")
    java("suse", "var/lib/ca-certificates/j")
    java("own", None)
    java("broken", "etc/nowhere")
    (tmp_path / "usr/lib/jvm/default").symlink_to("own")
    assert java_places.places(tmp_path) == [
        "/etc/pki/java/cacerts",
        "/etc/ssl/certs/java/cacerts",
        "/usr/lib/jvm/own/lib/security/cacerts",
        "/var/lib/ca-certificates/j",
    ]


def test_every_java_here_reads_the_store(tmp_path: Path) -> None:
    require("java")
    store = tmp_path / "cacerts"
    store.write_bytes(trust.stores(issued().authority, java_places=["/cacerts"]).box["/cacerts"])
    tools = [tool for home in Path("/usr/lib/jvm").glob("*") if (tool := home / "bin/keytool").is_file()]
    if not tools:
        pytest.skip("needs a keytool under /usr/lib/jvm")
    for tool in tools:
        command = [str(tool), "-J-Duser.language=en", "-list", "-keystore", str(store), "-storepass", "changeit"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert "Keystore type: JKS" in said
        assert said.count("trustedCertEntry") > 100
