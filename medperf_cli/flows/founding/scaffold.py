"""What stands beside `registry/` in a repository of one's own on a hosted forge."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from medperf_cli.adapters.forge.address import ForgeAddress, forge_address
from medperf_cli.adapters.forge.api import Vendor
from medperf_cli.adapters.trace import without_secrets
from medperf_cli.core.names import GITATTRIBUTES, GITATTRIBUTES_BYTES, REGISTRY_DIR
from medperf_cli.errors import UsageError
from medperf_cli.flows.deps import TOOL_VERSION
from medperf_cli.flows.founding.scaffold_readme import readme
from medperf_cli.flows.founding.workflows import workflow_files

OWNERS_FILE = {
    Vendor.GITHUB: ".github/CODEOWNERS",
    Vendor.GITLAB: ".gitlab/CODEOWNERS",
    Vendor.FORGEJO: "CODEOWNERS",
}
"""Where each vendor looks for the owners of code."""
IGNORED = b"""\
__pycache__/
.venv/
/build/
/site/
*.unfinished/
# a private key has no business here
id_*
*.pem
*.key
"""
NAME = "medperf-registry"
"""This tool, as pip names it."""
_OWNER = re.compile(r"@[A-Za-z0-9][A-Za-z0-9._-]{0,99}(/[A-Za-z0-9][A-Za-z0-9._-]{0,99}){0,4}\Z")


@dataclass(frozen=True)
class Site:
    """Where a registry will be hosted, and who owns all that is not the registry itself there."""

    address: ForgeAddress
    url: str
    owners: tuple[str, ...]
    tool: str


def site_of(forge: str, url: str, owners: tuple[str, ...], tool: str | None) -> Site:
    """Read what whoever founds a registry types.

    Args:
        forge: a vendor.
        url: such as `https://host/owner/name.git`.
        owners: such as `@owner/team` or `@login`.
        tool: the pinned tool that its workflows install, as pip names it; None: this version.

    Raises:
        UsageError: the address is not one that participants can use, or an owner cannot be one.
        ConfigurationError: the address names no repository on a forge.

    """
    split = urlsplit(url) if "://" in url else None
    if not url or split is None or split.scheme not in ("https", "http"):
        raise UsageError(
            f"'{without_secrets(url)}' is not the https address of a repository",
            hint="add --url https://HOST/OWNER/NAME.git; the repository need not be there yet",
        )
    if split.username is not None or split.password is not None or split.query or split.fragment:
        raise UsageError(
            f"'{without_secrets(url)}' is not a plain address",
            hint="leave out user, password and what follows a ? or #",
        )
    address = forge_address(url, forge)
    assert address is not None  # noqa: S101 - a hosted forge was named
    if not address.secure or not re.match(r"[A-Za-z0-9.:-]+\Z", split.netloc):
        raise UsageError(f"'{without_secrets(url)}' can be read on the way", hint="give the https:// address")
    _expect_owners(owners)
    return Site(
        address,
        f"{split.scheme}://{split.netloc}/{address.repository}.git",
        owners,
        tool or f"{NAME}=={TOOL_VERSION}",
    )


def _expect_owners(owners: tuple[str, ...]) -> None:
    if not owners:
        raise UsageError(
            "who owns what stands beside the registry, such as the workflows?",
            hint="add --owner @ORG/TEAM or --owner @LOGIN, best the admins; repeat",
        )
    wrong = next((owner for owner in owners if not _OWNER.match(owner)), None)
    if wrong is not None:
        raise UsageError(f"'{wrong[:60]}' is no owner", hint="write @ORG/TEAM or @LOGIN")


def scaffold_files(site: Site, title: str, root: str) -> dict[str, bytes]:
    """All files beside `registry/`, by path in the repository; `root` is the registry's fingerprint.

    Raises:
        UsageError: the tool is not pinned.

    """
    vendor = site.address.vendor
    page = readme(
        title=title,
        url=site.url,
        root=root,
        vendor=vendor,
        owners=OWNERS_FILE[vendor],
        tool=site.tool.replace(NAME, f"{NAME}[forges]", 1),
    )
    return {
        GITATTRIBUTES: GITATTRIBUTES_BYTES,
        ".gitignore": IGNORED,
        "README.md": page.encode(),
        OWNERS_FILE[vendor]: code_owners(vendor, site.owners),
        **workflow_files(vendor, site.tool, root),
    }


def code_owners(vendor: Vendor, owners: tuple[str, ...]) -> bytes:
    """The file that gives everything but `registry/` to its owners.

    GitHub: the last pattern that matches decides, and one without owners gives it to nobody. GitLab: `!` is
    an exclusion (from 17.10 on). Forgejo and Gitea: patterns are regular expressions, and `!` is all that
    does not match.
    """
    named = " ".join(owners)
    head = "# What is not the registry itself belongs to its admins; what is, to whoever signs it.\n"
    match vendor:
        case Vendor.GITHUB:
            return f"{head}* {named}\n/{REGISTRY_DIR}/\n".encode()
        case Vendor.GITLAB:
            return f"{head}* {named}\n!/{REGISTRY_DIR}/\n".encode()
        case Vendor.FORGEJO:
            return f"{head}!{REGISTRY_DIR}/.* {named}\n".encode()
