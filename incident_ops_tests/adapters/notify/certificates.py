"""A certificate authority for the tests, and servers' certificates that it has signed; made by OpenSSL."""

import ssl
import subprocess
import tempfile
from functools import cache
from pathlib import Path

_FOLDER = tempfile.TemporaryDirectory(prefix="incident_ops_certificates_")


@cache
def authority() -> Path:
    """The authority's own certificate: who trusts it, trusts `certificate`."""
    folder = Path(_FOLDER.name)
    _openssl(
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"),
        *("-subj", "/CN=Tests", "-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        *("-keyout", f"{folder}/ca.key", "-out", f"{folder}/ca.pem"),
    )
    return folder / "ca.pem"


@cache
def server_context(host: str = "127.0.0.1") -> ssl.SSLContext:
    """For a server with a certificate for `host`."""
    ca = authority()
    stem = ca.with_name(host)
    name = f"IP:{host}" if host[0].isdigit() else f"DNS:{host}"
    _openssl(
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"),
        *("-subj", f"/CN={host}", "-addext", f"subjectAltName={name}", "-addext", "basicConstraints=CA:FALSE"),
        *("-CA", str(ca), "-CAkey", str(ca.with_suffix(".key"))),
        *("-keyout", f"{stem}.key", "-out", f"{stem}.pem"),
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{stem}.pem", f"{stem}.key")
    return context


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=30)
