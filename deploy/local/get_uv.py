"""Prints the path of a uv to use: the one that is installed, or one put under `.tools/`; needs Python and nothing else.

First choice is pip in a private environment, which knows this machine's mirrors and certificates. A Python without pip
(Debian's, unless `python3-venv` is installed) takes the wheel that `uv.lock` names, checked against the lock's digest.
"""

from __future__ import annotations

import hashlib
import io
import platform
import shutil
import subprocess
import sys
import sysconfig
import urllib.request
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".tools"
UV = TOOLS / "bin" / "uv"


def main() -> int:
    """Print the path, on one line; explains itself on standard error where there is none to be had."""
    if sys.version_info < (3, 11):
        return _fail(f"newsbeam needs Python 3.11 or later; {sys.executable} is {platform.python_version()}")
    found = shutil.which("uv") or (str(UV) if UV.exists() else None)
    if found is None:
        print("newsbeam: getting uv into .tools/ (this folder only)", file=sys.stderr)  # noqa: T201
        wheel = _locked_wheel()
        if not _install_with_pip(wheel["version"]):
            _install_from_lock(wheel)
        found = str(UV)
    print(found)  # noqa: T201
    return 0


def _install_with_pip(version: str) -> bool:
    uv = [str(TOOLS / "bin" / "python"), "-m", "pip", "install", "--quiet", "--only-binary=:all:", f"uv=={version}"]
    for command in ([sys.executable, "-m", "venv", str(TOOLS)], uv):
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode != 0:
            return False
    return UV.exists()


def _locked_wheel() -> dict[str, str]:
    import tomllib  # 3.11 has it; above, an older Python must still get as far as being told that it is too old

    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    package = next(package for package in lock["package"] if package["name"] == "uv")
    wheels = [wheel for wheel in package["wheels"] if _fits(wheel["url"].rpartition("/")[2])]
    if not wheels:
        sys.exit(_fail(f"no uv for {sysconfig.get_platform()}; install uv yourself and try again"))
    return {"version": package["version"], "url": wheels[0]["url"], "hash": wheels[0]["hash"]}


def _fits(name: str) -> bool:
    """Whether a wheel's file name is for this machine."""
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
    if sys.platform == "darwin":
        return "macosx" in name and machine.replace("aarch64", "arm64") in name
    libc = "manylinux" if platform.libc_ver()[0] == "glibc" else "musllinux"
    return libc in name and name.endswith(f"_{machine}.whl")


def _install_from_lock(wheel: dict[str, str]) -> None:
    with urllib.request.urlopen(wheel["url"], timeout=120) as response:  # noqa: S310  (https, from our own lock file)
        content = response.read()
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    if digest != wheel["hash"]:
        sys.exit(_fail(f"{wheel['url']} has digest {digest}, uv.lock says {wheel['hash']}: not used"))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        member = next(name for name in archive.namelist() if name.endswith("/scripts/uv"))
        UV.parent.mkdir(parents=True, exist_ok=True)
        UV.write_bytes(archive.read(member))
    UV.chmod(0o755)


def _fail(message: str) -> int:
    print(f"newsbeam: {message}", file=sys.stderr)  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main())
