"""OpenCode with a local Ollama. Belongs into ~/.bot-bottle/contrib/opencode/.

The manifest names the route to Ollama (plain HTTP, `connect_to` the host's address) and, in `env`, OPENCODE_MODEL.
Ollama itself must serve 64K of context (OLLAMA_CONTEXT_LENGTH=65536): its default of 4K forgets the task on the way.
"""

import json

from bottle.plugin import AgentProvider, GuestFile, ManifestError, Provision, Wish

CONTEXT = 65536
ANSWER = 8192
QUIET = {
    "OPENCODE_DISABLE_AUTOUPDATE": "1",
    "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
    "OPENCODE_DISABLE_MODELS_FETCH": "1",
    "OPENCODE_DISABLE_DEFAULT_PLUGINS": "1",
}
"""Without these it looks for updates, language servers, a list of models and plugins on hosts that no bottle lists."""


class OpenCode(AgentProvider):
    def provision(self, wish: Wish) -> Provision:
        model = wish.env.get("OPENCODE_MODEL")
        if model is None:
            raise ManifestError("env: OPENCODE_MODEL names no model", hint="OPENCODE_MODEL: qwen2.5-coder:14b")
        local = {
            "npm": "@ai-sdk/openai-compatible",
            "options": {"baseURL": f"{_address(wish)}/v1", "apiKey": "none"},
            "models": {model: {"limit": {"context": CONTEXT, "output": ANSWER}}},
        }
        config = {
            "$schema": "https://opencode.ai/config.json",
            "autoupdate": False,
            "share": "disabled",
            "permission": "allow",
            "model": f"ollama/{model}",
            "small_model": f"ollama/{model}",
            "enabled_providers": ["ollama"],
            "provider": {"ollama": local},
            "instructions": [wish.prompt_path] if wish.prompt_path else [],
        }
        return Provision(
            argv=("opencode", *wish.arguments),
            env=QUIET,
            files=(GuestFile(f"{wish.home}/.config/opencode/opencode.json", json.dumps(config, indent=2).encode()),),
        )


def _address(wish: Wish) -> str:
    """Where the manifest says that Ollama is: the first route of plain HTTP."""
    for route in wish.routes:
        if route.scheme == "http":
            return f"http://{route.host.text}:{route.ports[0]}"
    raise ManifestError("egress.routes: no route of plain HTTP leads to Ollama", hint="see docs/providers.md")
