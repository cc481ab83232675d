"""An authority and certificates of its own, for TLS on the loopback interface."""

import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LIFE = datetime.timedelta(days=1)


def settings(folder: Path) -> dict[str, str]:
    """Make an authority and one certificate under it; gives Dask's settings for scheduler, workers and clients."""
    folder.mkdir()
    authority = ec.generate_private_key(ec.SECP256R1())
    key = ec.generate_private_key(ec.SECP256R1())
    ca = _certificate("authority", authority, "authority", authority, of_authority=True)
    own = _certificate("auditor", key, "authority", authority, of_authority=False)
    for name, certificate in (("ca.pem", ca), ("cert.pem", own)):
        (folder / name).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    plain, form = serialization.NoEncryption(), serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
    tls = "DASK_DISTRIBUTED__COMM__TLS__"
    made = {f"{tls}CA_FILE": str(folder / "ca.pem")}
    for role in ("SCHEDULER", "WORKER", "CLIENT"):
        made |= {f"{tls}{role}__CERT": str(folder / "cert.pem"), f"{tls}{role}__KEY": str(folder / "key.pem")}
    return made


def _certificate(
    name: str, key: ec.EllipticCurvePrivateKey, by: str, signer: ec.EllipticCurvePrivateKey, of_authority: bool
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(by))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - LIFE)
        .not_valid_after(now + LIFE)
        .add_extension(x509.BasicConstraints(ca=of_authority, path_length=None), critical=True)
        .sign(signer, hashes.SHA256())
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
