"""The base without any image registry: Python and numpy from the machine's package sources, by mmdebstrap."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

from imagebuild import BuildError
from imagebuild.archive import Base
from imagebuild.layers import EPOCH, normalise

PACKAGES = ("dash", "python3-minimal", "python3-numpy", "libblas3", "liblapack3")
_SOURCES = ("sources.list", "sources.list.d/debian.sources", "sources.list.d/ubuntu.sources")
_APT_SETTINGS = re.compile(r'Acquire::(\w+::Proxy\S*|Check-(Date|Valid-Until)) "[^"]+";')

# What no cube needs: package tools and lists, documentation, machine names, compilers' files, numpy's tests.
_DROPPED = re.compile(
    r"(dev|proc|run|sys|boot|media|mnt|opt|srv|root|home)/.+"
    r"|etc/(apt|dpkg|cron[^/]*|logrotate\.d|alternatives|hostname|resolv\.conf|hosts|machine-id|\.pwd\.lock)(/.*)?"
    r"|var/(cache|lib|log|tmp)/.+"
    r"|usr/(include|games|sbin/.*|share/(?!doc/[^/]+/copyright$)(?!doc$|doc/[^/]+$).+)"
    r"|usr/bin/(?!python3|dash$|sh$).+"
    r"|usr/lib/(?!.*linux-gnu|python3|ld).+"
    r"|usr/lib/[^/]*linux-gnu/(gconv|engines-3|krb5|ossl-modules|perl.*|libdb-.*)(/.*)?"
    r"|usr/lib/python3[^/]*/(test|pydoc_data|idlelib|lib2to3|ensurepip|distutils|tkinter|turtledemo|config-.*)(/.*)?"
    r"|.*/(numpy/(f2py|distutils|_pyinstaller)|numpy/(.+/)?tests|pkg_resources)(/.*)?"
    r"|.*\.(a|h|pyi|pxd|pyx)"
)

# The root is merged (`/bin` is `/usr/bin`) and has its mount points before packages are laid into it.
_BEFORE = (
    'cd "$1" && mkdir -p usr/bin usr/sbin usr/lib usr/lib64 proc sys run tmp mlcommons',
    'cd "$1" && ln -s usr/bin usr/sbin usr/lib usr/lib64 .',
)
# Packages are extracted, not configured: what their scripts would have linked and compiled. Byte code is
# checked by no time stamp, so that it holds whatever times the files carry.
_NOT_COMPILED = "numpy/(f2py|distutils)|/tests?/|idlelib|lib2to3|pydoc_data|pkg_resources"
_COMPILE = f'python3 -m compileall -q -x "{_NOT_COMPILED}" --invalidation-mode unchecked-hash /usr/lib'
_AFTER = (
    'cd "$1/usr/lib" && for d in *-linux-gnu*; do ln -sf blas/libblas.so.3 lapack/liblapack.so.3 $d/; done',
    '[ -e "$1/usr/bin/sh" ] || ln -s dash "$1/usr/bin/sh"',
    f'chroot "$1" {_COMPILE}',
)
_OTHERWISE = "or name a pinned base that can be pulled: `BASE=python:3.12-slim@sha256:... make demo`"


def build(folder: Path) -> Base:
    """Build the base into `folder`.

    Raises:
        BuildError: no mmdebstrap, no package sources, or mmdebstrap failed; says what to do.

    """
    if shutil.which("mmdebstrap") is None:
        raise BuildError(
            "no base image: on Debian or Ubuntu install mmdebstrap (`apt-get install mmdebstrap`), "
            + _OTHERWISE
        )
    raw, layer = folder / "mmdebstrap.tar", folder / "layer.tar"
    _bootstrap(raw)
    rootfs = normalise(raw, layer, lambda name: not _DROPPED.fullmatch(name))
    raw.unlink()
    return Base((rootfs,), _architecture(), {"Env": ["PATH=/usr/bin:/bin"], "WorkingDir": "/"})


def _bootstrap(target: Path) -> None:
    command = [
        *("mmdebstrap", "--variant=extract", f"--include={','.join(PACKAGES)}"),
        *(f"--aptopt={line}" for line in _apt_settings()),
        *(f"--setup-hook={hook}" for hook in _BEFORE),
        *(f"--extract-hook={hook}" for hook in _AFTER),
        *(_codename(), str(target), *_sources()),
    ]
    # What Python on this machine is told, such as to write no byte code, must not change the base.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment = {**inherited, "SOURCE_DATE_EPOCH": str(EPOCH), "PYTHONHASHSEED": "0"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        last = "\n".join(done.stderr.splitlines()[-15:])
        raise BuildError(
            f"mmdebstrap failed:\n{last}\nrun as root or allow unprivileged user namespaces (and install "
            f"`uidmap`), check that `apt-get update` works, {_OTHERWISE}"
        )


def _sources() -> list[str]:
    found = [str(path) for name in _SOURCES if (path := Path("/etc/apt") / name).is_file()]
    if not found:
        raise BuildError(f"no package sources in /etc/apt: add them, {_OTHERWISE}")
    return found


def _apt_settings() -> list[str]:
    """The machine's own proxies and date checks for apt."""
    dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=False).stdout
    return [line for line in dump.splitlines() if _APT_SETTINGS.fullmatch(line)]


def _codename() -> str:
    return platform.freedesktop_os_release()["VERSION_CODENAME"]


def _architecture() -> str:
    """This machine's architecture as image configurations name it."""
    machine = platform.machine()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
