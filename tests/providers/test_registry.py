"""The providers by name."""

import subprocess
import sys

import pytest

from bottle.adapters.providers.registry import AllProviders
from bottle.domain.errors import NotFoundError


@pytest.mark.parametrize("template", ["claude", "codex"])
def test_a_provider_answers_to_its_template(template: str) -> None:
    provider = AllProviders().get(template)
    assert (provider.template, provider.image) == (template, template)


@pytest.mark.parametrize(
    ("template", "hint"),
    [("cluade", "did you mean 'claude'?"), ("gemini", "known: claude, codex"), ("", "known: claude, codex")],
)
def test_an_unknown_template_names_the_nearest(template: str, hint: str) -> None:
    with pytest.raises(NotFoundError, match=f"^unknown agent provider template: '{template}'$") as caught:
        AllProviders().get(template)
    assert caught.value.hint == hint


def test_no_provider_is_imported_before_it_is_asked_for() -> None:
    program = (
        "import sys; sys.path[:] = sys.argv[1:]\n"
        "from bottle.adapters.providers.registry import AllProviders\n"
        "known = 'claude', 'codex'\n"
        "loaded = lambda: [name for name in known if f'bottle.adapters.providers.{name}' in sys.modules]\n"
        "providers = AllProviders(); print(loaded()); providers.get('codex'); print(loaded())"
    )
    done = subprocess.run([sys.executable, "-c", program, *sys.path], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n['codex']\n"
