"""One small package in the form of each registry: a wheel, npm's tarball, a Go module, a crate, a Debian package."""

import base64
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Mapping
from functools import cache

SAID = "fetched through the way out"
CARGO_TOML = '[package]\nname = "thing"\nversion = "1.0.0"\n'


def wheel() -> bytes:
    """A wheel with one module."""
    info = "thing-1.0.dist-info"
    return _zip(
        {
            "thing.py": f"SAID = {SAID!r}\n",
            f"{info}/METADATA": "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}/RECORD": f"thing.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n",
        }
    )


def tarball() -> bytes:
    """A package for npm with one module."""
    package = json.dumps({"name": "thing", "version": "1.0.0", "main": "index.js"})
    return _tar({"package/package.json": package, "package/index.js": f"module.exports = {json.dumps(SAID)};\n"})


def integrity(content: bytes) -> str:
    """As npm spells it."""
    return "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()


def go_module() -> Mapping[str, bytes]:
    """Version 1.0.0 of example.org/thing as a module proxy serves it (go.dev/ref/mod)."""
    base = "/go/example.org/thing/@v/"
    top = "example.org/thing@v1.0.0"
    mod = "module example.org/thing\n"
    return {
        f"{base}list": b"v1.0.0\n",
        f"{base}v1.0.0.info": b'{"Version": "v1.0.0", "Time": "2026-01-01T00:00:00Z"}',
        f"{base}v1.0.0.mod": mod.encode(),
        f"{base}v1.0.0.zip": _zip({f"{top}/go.mod": mod, f"{top}/thing.go": f"package thing // {SAID}\n"}),
    }


@cache
def crate() -> bytes:
    """Version 1.0.0 of thing, which the index has the hash of."""
    return _tar({"thing-1.0.0/Cargo.toml": CARGO_TOML, "thing-1.0.0/src/lib.rs": f"// {SAID}\n"})


def crate_index(base: str) -> Mapping[str, str]:
    """The files of a registry's index, which lies in a git repository."""
    line = {"name": "thing", "vers": "1.0.0", "deps": [], "features": {}, "yanked": False}
    return {
        "config.json": json.dumps({"dl": f"{base}/crates"}),
        "th/in/thing": json.dumps({**line, "cksum": hashlib.sha256(crate()).hexdigest()}) + "\n",
    }


def pom() -> bytes:
    """A parent for projects of Maven, which Gradle fetches as well."""
    return (
        "<project><modelVersion>4.0.0</modelVersion><groupId>org.example</groupId><artifactId>thing</artifactId>"
        f"<version>1.0</version><packaging>pom</packaging><description>{SAID}</description></project>"
    ).encode()


def debian() -> Mapping[str, bytes]:
    """A flat repository with one package, thing 1.0 (deb(5))."""
    control = "Package: thing\nVersion: 1.0\nArchitecture: all\nMaintainer: t\nDescription: thing\n"
    members = {
        "debian-binary": b"2.0\n",
        "control.tar.gz": _tar({"./control": control}),
        "data.tar.gz": _tar({"./said.txt": SAID}),
    }
    package = b"!<arch>\n" + b"".join(_ar(name, content) for name, content in members.items())
    digest = hashlib.sha256(package).hexdigest()
    entry = f"{control}Filename: there/thing_1.0_all.deb\nSize: {len(package)}\nSHA256: {digest}\n\n"
    return {"/debian/there/Packages": entry.encode(), "/debian/there/thing_1.0_all.deb": package}


def _ar(name: str, content: bytes) -> bytes:
    head = f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n"
    return head.encode() + content + b"\n" * (len(content) % 2)


def _zip(files: Mapping[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return packed.getvalue()


def _tar(files: Mapping[str, str]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return packed.getvalue()
