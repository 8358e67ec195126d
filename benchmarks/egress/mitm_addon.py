"""The same job for mitmproxy: an allowlist by host and path, and one header set."""

from mitmproxy import http  # type: ignore[import-not-found]  # it lives in an environment of its own

HOSTS = {"localhost"}


class Equivalent:
    def http_connect(self, flow: http.HTTPFlow) -> None:
        if flow.request.host not in HOSTS:
            flow.response = http.Response.make(403)

    def request(self, flow: http.HTTPFlow) -> None:
        if flow.request.host not in HOSTS or not flow.request.path.startswith("/"):
            flow.response = http.Response.make(403)
            return
        flow.request.headers["authorization"] = "Bearer sk-bench-0123456789abcdef"


addons = [Equivalent()]
