"""A push over HTTP passes no git gate: it is known in every disguise."""

import pytest

from bottle.domain.egress import Policy, Request, Route, decide, is_push
from bottle.domain.hosts import Authority, HostPattern
from bottle.domain.targets import parse_target

POLICY = Policy((Route(HostPattern("any.example")),))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/r.git/info/refs?service=git-receive-pack"),
        ("GET", "/r.git/info/refs?SERVICE=Git-Receive-Pack"),
        ("GET", "/r.git/info/refs?x=1;service=git-receive-pack"),
        ("GET", "/r.git/info/refs?service=git%2Dreceive%2dpack"),
        ("GET", "/r.git/info/refs?service=git%252Dreceive-pack"),
        ("GET", "/r.git/info/refs?service=git%2525252Dreceive-pack"),
        ("GET", "/r.git/info/refs?service=git%u002dreceive-pack"),
        ("GET", "/r.git/info/refs?service=git-receive-pack%20"),
        ("GET", "/r.git/info/refs?+service=git-receive-pack"),
        ("GET", "/r.git/info/refs?service[]=git-receive-pack"),
        ("GET", "/r.git/info/refs?x=1%26service=git-receive-pack"),
        ("GET", "/r.git/info/refs?service=git-upload-pack&service=git-receive-pack"),
        ("GET", "/r.git/info/refs/?service=git-receive-pack"),
        ("GET", "/r.git/info/refs;x?service=git-receive-pack"),
        ("GET", "/r.git/info%2frefs?service=git-receive-pack"),
        ("GET", "/r.git/%69nfo/refs?service=git-receive-pack"),
        ("GET", "/r.git/info/refs%3Fservice=git-receive-pack"),
        ("GET", "/index.php?path=r.git&service=git-receive-pack"),
        ("POST", "/r.git/git-receive-pack"),
        ("POST", "/r.git/GIT-Receive-Pack"),
        ("POST", "/r.git/git-receive-pack/"),
        ("POST", "/r.git/git-receive-pack//"),
        ("POST", "/r.git//git-receive-pack"),
        ("POST", "/r.git/git-receive-pack?x"),
        ("POST", "/r.git/git-receive-pack%3Fx"),
        ("POST", "/r.git/git-receive-pack;x=1"),
        ("POST", "/r.git/;/git-receive-pack"),
        ("POST", "/r.git/git-receive-pack%20"),
        ("POST", "/r.git/git-receive-pac%6b"),
        ("POST", "/r.git/git-receive-pac%256b"),
        ("POST", "/r.git%2fgit-receive-pack"),
        ("POST", "/r.git%5cgit-receive-pack"),
        ("POST", "/r.git/git-receive-pac%e2%84%aa"),
        ("POST", "/git-receive-pack"),
        ("PUT", "/r.git/git-receive-pack"),
    ],
)
def test_a_push_in_disguise_is_refused(method: str, path: str) -> None:
    asked = Request("https", Authority("any.example", 443), method, parse_target(path))
    verdict = decide(POLICY, asked)
    assert (verdict.allowed, verdict.rule) == (False, "git.push")


@pytest.mark.parametrize(
    "path", ["/r.git/git-upload-pack", "/r/not-git-receive-pack", "/git-receive-pack.txt", "/x?git-receive-pack"]
)
def test_what_is_no_push(path: str) -> None:
    assert not is_push(parse_target(path))


def test_without_a_word_about_the_method_it_is_the_post_of_a_pack() -> None:
    assert is_push(parse_target("/r.git/git-receive-pack"))
    assert is_push(parse_target("/r.git/info/refs?x[git-receive-pack]=1"), "GET")
    assert not is_push(parse_target("/r.git/git-receive-pack"), "GET")
    assert not is_push(parse_target("/r.git/info/refs"), "GET")
