"""Java's HttpClient as a program that a box can be given: `java Ask URL [BUNDLE PROXY]` prints what it fetched."""

import shutil
import subprocess
from pathlib import Path
from typing import Final

JAVA: Final = """
import java.io.*;
import java.net.*;
import java.net.http.*;
import java.security.*;
import java.security.cert.*;
import javax.net.ssl.*;

class Ask {
    public static void main(String[] arguments) throws Exception {
        var builder = HttpClient.newBuilder();
        if (arguments.length > 1) tell(builder, arguments[1], URI.create(arguments[2]));
        var request = HttpRequest.newBuilder(URI.create(arguments[0])).build();
        System.out.println(builder.build().send(request, HttpResponse.BodyHandlers.ofString()).body());
    }

    /** Java reads neither the variables of proxies nor certificates in PEM by itself. */
    static void tell(HttpClient.Builder builder, String bundle, URI proxy) throws Exception {
        var roots = KeyStore.getInstance(KeyStore.getDefaultType());
        roots.load(null, null);
        try (var file = new FileInputStream(bundle)) {
            for (var root : CertificateFactory.getInstance("X.509").generateCertificates(file))
                roots.setCertificateEntry("root" + roots.size(), root);
        }
        var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(roots);
        var context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        builder.sslContext(context).proxy(ProxySelector.of(new InetSocketAddress(proxy.getHost(), proxy.getPort())));
    }
}
"""


def install(folder: Path, *, with_java: bool) -> None:
    """Compiles it into the folder, where this machine can, and puts a `java` beside it for a box that has none."""
    if not shutil.which("javac"):
        return
    (folder / "Ask.java").write_text(JAVA)
    subprocess.run(["javac", "Ask.java"], cwd=folder, check=True)
    if with_java:
        modules = ["--add-modules", "java.net.http,jdk.crypto.ec"]
        subprocess.run(["jlink", *modules, "--strip-debug", "--output", "java"], cwd=folder, check=True)
