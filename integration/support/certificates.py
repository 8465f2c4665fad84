"""Certificates for tests: an authority, and what it signs; made by the openssl program."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Pair:
    certificate: Path
    key: Path


def _openssl(*arguments) -> None:
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


class Authority:
    """Signs certificates in a directory of its own."""

    def __init__(self, directory: Path, name: str = "authority"):
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.certificate, self._key = directory / f"{name}.crt", directory / f"{name}.key"
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", 30,
            "-subj", f"/CN={name}", "-keyout", self._key, "-out", self.certificate)  # fmt: skip

    def sign(self, name: str, common_name: str, names: str = "", kind: str = "ec", days: int = 30) -> Pair:
        """A certificate for `common_name`, and for `names` in the form `DNS:localhost,IP:127.0.0.1`."""
        pair = Pair(self.directory / f"{name}.crt", self.directory / f"{name}.key")
        request, extensions = self.directory / f"{name}.csr", self.directory / f"{name}.ext"
        algorithm = ["rsa:2048"] if kind == "rsa" else ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
        _openssl("req", "-new", "-newkey", *algorithm, "-nodes", "-subj", f"/CN={common_name}", "-keyout", pair.key,
            "-out", request)  # fmt: skip
        extensions.write_text(f"subjectAltName = {names}\n" if names else "")
        _openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._key, "-CAcreateserial",
            "-days", days, "-extfile", extensions, "-out", pair.certificate)  # fmt: skip
        pair.key.chmod(0o600)
        return pair
