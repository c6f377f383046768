"""The maker's hosts, as far as a client's first start wants to see them: on loopback, answering everything."""

from __future__ import annotations

import json
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HOSTS = ("api.anthropic.com", "console.anthropic.com", "platform.claude.com", "claude.ai", "statsig.anthropic.com")

FEATURES = ("tengu_gleaming_fair", "tengu_gleaming_fair_reuse")


class _Hello(BaseHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Keeps standard error quiet."""

    def do_GET(self) -> None:
        content = json.dumps({"features": {name: {"defaultValue": True} for name in FEATURES}}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET


def stand_in(home: Path) -> Path:
    """Answer for the maker's hosts from now on; return the certificate that a client has to trust for it.

    Only inside the namespace, where no name resolves otherwise and 443 is ours.
    """
    certificate, key, hosts = home / ".maker.pem", home / ".maker.key", home / ".hosts"
    if certificate.exists():
        return certificate
    names = ",".join(f"DNS:{host}" for host in HOSTS)
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=maker"]
    make += ["-addext", f"subjectAltName={names}", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(make, check=True, capture_output=True)
    hosts.write_text("127.0.0.1 localhost " + " ".join(HOSTS) + "\n")
    subprocess.run(["mount", "--bind", str(hosts), "/etc/hosts"], check=True)
    server = ThreadingHTTPServer(("127.0.0.1", 443), _Hello)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return certificate
