"""Java's HttpClient and Go's net/http as programs that a box can be given."""

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
GO: Final = """
package main

import ("fmt"; "io"; "net/http"; "os")

func main() {
	response, err := http.Get(os.Args[1])
	if err != nil { fmt.Fprintln(os.Stderr, err); os.Exit(1) }
	body, _ := io.ReadAll(response.Body)
	fmt.Println(string(body))
}
"""


def compiled(folder: Path, *, with_java: bool) -> None:
    """Puts into the folder what this machine can compile: `ask-go`, `Ask.class`, and `java` for boxes without one."""
    if shutil.which("go"):
        (folder / "ask.go").write_text(GO)
        environment = ["env", "CGO_ENABLED=0"]  # the box's libraries may be others
        subprocess.run([*environment, "go", "build", "-o", "ask-go", "ask.go"], cwd=folder, check=True)
    if shutil.which("javac"):
        (folder / "Ask.java").write_text(JAVA)
        subprocess.run(["javac", "Ask.java"], cwd=folder, check=True)
    if with_java and shutil.which("jlink"):
        modules = ["--add-modules", "java.net.http,jdk.crypto.ec"]
        subprocess.run(["jlink", *modules, "--strip-debug", "--output", "java"], cwd=folder, check=True)
