"""The same job for mitmproxy: an allowlist by host and path, one header set, and nothing held back."""

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

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        flow.response.stream = True


addons = [Equivalent()]
