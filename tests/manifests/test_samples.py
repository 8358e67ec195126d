"""Manifests as users of the older system have them load unchanged; the mistyped one is refused (MAN-16, MAN-19)."""

import ipaddress
from pathlib import Path

import pytest

from bottle.adapters.manifests.store import ManifestFiles
from bottle.domain.errors import ManifestError
from bottle.domain.hosts import HostPattern
from bottle.domain.manifest import Auth, GitUser, HostVariables, ManifestRoute, Prompted, Verbatim, effective

SAMPLES = Path(__file__).parent / "samples"


@pytest.fixture
def samples() -> ManifestFiles:
    return ManifestFiles(SAMPLES, None)


def test_the_forge_helper_and_its_chain(samples: ManifestFiles) -> None:
    manifest = samples.load("gitea-helper")
    agent, bottle = manifest.agent("gitea-helper"), manifest.bottle_for("gitea-helper")
    assert (agent.skills, agent.git_user) == (("init-prd",), GitUser("gitea-helper", "sam+helper@example.org"))
    assert agent.prompt == "You help to maintain projects on our forge."
    assert bottle.chain == ("gitea-dev", "claude")
    assert bottle.agent_provider.template == "claude"
    assert bottle.env == {
        "GIT_AUTHOR_NAME": Verbatim("sam"),
        "LOG_LEVEL": Verbatim("debug"),
        "API_BASE": HostVariables("${STAGING_API_BASE}", ("STAGING_API_BASE",)),
        "ONE_TIME_CODE": Prompted(),
    }
    assert bottle.remotes["git.example.org"].identity_file == "~/.ssh/id_ed25519_widgets"
    assert bottle.routes == (
        ManifestRoute(
            host=HostPattern("git.example.org"),
            auth=Auth("BOT_BOTTLE_GITEA_TOKEN", "token"),
            private_ips=(ipaddress.ip_network("100.78.141.42/32"),),
        ),
    )
    assert bottle.supervise is True


def test_the_codex_implementer(samples: ManifestFiles) -> None:
    bottle = samples.load("implementer").bottle_for("implementer")
    assert bottle.agent_provider.forward_host_credentials is True
    assert bottle.agent_provider.dockerfile == "~/.bot-bottle/images/Dockerfile.codex-go"
    assert [(route.host.text, route.paths) for route in bottle.routes] == [
        ("auth.openai.com", ("/api/accounts/deviceauth/",))
    ]


def test_staging_clears_the_remotes_and_replaces_the_routes(tmp_path: Path) -> None:
    for path in SAMPLES.glob("bottles/*.md"):
        if path.stem != "refused":
            (tmp_path / "bottles").mkdir(exist_ok=True)
            (tmp_path / "bottles" / path.name).write_bytes(path.read_bytes())
    staging = effective(ManifestFiles(tmp_path, None).load_all().bottles, "staging")
    assert staging.chain == ("staging", "gitea-dev", "claude")
    assert staging.remotes == {}
    assert [route.host.text for route in staging.routes] == ["staging.example.com"]
    assert staging.git_user == GitUser("sam", "sam@example.org")


def test_the_mistyped_one_is_refused_with_line_and_remedy(samples: ManifestFiles) -> None:
    with pytest.raises(ManifestError) as caught:
        samples.load_all()
    assert str(caught.value) == "bottles/refused.md:3:1: egres: unknown key"
    assert caught.value.hint == "did you mean 'egress'?"
