"""`make install` puts everything in its place, and nothing elsewhere."""

import os
import shutil
import subprocess

import pytest

from support.pooler import BINARY, ROOT

pytestmark = [pytest.mark.requires_pooler, pytest.mark.requires_headgate]

#: With the permissions they need.
INSTALLED = {
    "/usr/local/bin/headgate": 0o755,
    "/usr/local/share/man/man8/headgate.8": 0o644,
    "/usr/local/share/headgate/conf/transaction-pooling.toml": 0o644,
    "/usr/local/lib/sysusers.d/headgate.conf": 0o644,
    "/usr/local/lib/systemd/system/headgate.service": 0o644,
    "/etc/headgate/headgate.toml": 0o640,
}


def install(directory, *more):
    # `build` counts as made: what is tested is the binary there is.
    subprocess.run(
        ["make", "-s", "-o", "build", "install", f"DESTDIR={directory}", f"BINARY={BINARY}", *more],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip


def test_install_puts_everything_in_its_place(tmp_path):
    install(tmp_path)
    for path, mode in INSTALLED.items():
        assert (os.stat(f"{tmp_path}{path}").st_mode & 0o777) == mode, path
    examples = len(list((ROOT / "conf").glob("*.toml")))
    there = [f for f in tmp_path.rglob("*") if f.is_file()]
    assert len(there) == len(INSTALLED) - 1 + examples
    shown = subprocess.run([f"{tmp_path}/usr/local/bin/headgate", "version"], capture_output=True, text=True)
    assert shown.stdout.startswith("headgate ")


def test_install_respects_prefix_and_keeps_the_configuration(tmp_path):
    install(tmp_path, "PREFIX=/usr")
    unit = (tmp_path / "usr/lib/systemd/system/headgate.service").read_text()
    assert "ExecStart=/usr/bin/headgate run" in unit and "/usr/local" not in unit
    config = tmp_path / "etc/headgate/headgate.toml"
    config.write_text("# mine\n")
    install(tmp_path, "PREFIX=/usr")
    assert config.read_text() == "# mine\n"


def test_man_page_names_every_command():
    page = (ROOT / "docs/man/headgate.8").read_text()
    usage = subprocess.run([BINARY, "help"], capture_output=True, text=True).stdout
    for line in usage.splitlines():
        if line.startswith("  ") and not line.startswith("   "):
            assert f"headgate {line.split()[0]}" in page.replace("\\", ""), line
    if shutil.which("groff"):
        checked = subprocess.run(["groff", "-man", "-ww", "-z", "-Tutf8", ROOT / "docs/man/headgate.8"], capture_output=True, text=True)
        assert checked.stderr == ""
