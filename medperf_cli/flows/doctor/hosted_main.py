"""Checks of what stands in a hosted registry's main: the branch, the root, workflows, owners of code."""

from __future__ import annotations

import re
from collections.abc import Mapping

from medperf_cli.adapters.forge.api import Vendor
from medperf_cli.errors import UsageError
from medperf_cli.flows.doctor.finding import Finding, fail, ok, warn
from medperf_cli.flows.doctor.hosting import Hosting
from medperf_cli.flows.founding.scaffold import NAME, OWNERS_FILE, code_owners
from medperf_cli.flows.founding.workflows import workflow_files

_PIN = re.compile(rf"'({NAME})(?:\[[a-z,]+\])?((?:==| @ git\+https://)[A-Za-z0-9._/@:+-]+)'")
_OWN_TOOL = "the tool in the same repository"
_SHOWN = 5


def branch(hosting: Hosting) -> Finding:
    """The repository answers, and `main` is what a clone checks out (raises NetworkError)."""
    main = hosting.main()
    if main.default != "main":
        return fail(
            f"the default branch is '{main.default or 'unknown'}': requests would ask to enter that",
            "make `main` the default branch in the repository's settings",
        )
    return ok(f"main stands at {main.commit[:12]}, and is the default branch")


def root(hosting: Hosting) -> Finding:
    """The registry begins with the root that is pinned (raises NetworkError)."""
    found = hosting.main().root
    if found is None:
        return fail("there is no registry in main", "push one: `medperf registry init` makes it")
    if hosting.expected is None:
        return ok(f"the registry begins with sha256:{found}; compare that with what was published")
    if found != hosting.expected:
        return fail(
            f"the registry begins with sha256:{found}, not with sha256:{hosting.expected}",
            "do not use it: somebody put another registry there; tell its admins",
        )
    return ok(f"the registry begins with the pinned root, sha256:{found}")


def workflows(hosting: Hosting) -> Finding:
    """The workflows are there, and exactly what this version writes for the tool they pin."""
    main, vendor = hosting.main(), _vendor(hosting)
    if main.root is None:
        return fail(
            "no workflow can be right without a registry", "push one: `medperf registry init` makes it"
        )
    tools = _pinned(main.files)
    if len(tools) > 1:
        return fail(f"the workflows install {len(tools)} versions of the tool: {', '.join(tools)}", _ANEW)
    tool = next(iter(tools), None)
    try:
        wanted = workflow_files(vendor, tool, f"sha256:{main.root}")
    except UsageError as error:
        return fail(error.message, _ANEW)
    lost = sorted(path for path in wanted if path not in main.files)
    other = sorted(path for path, data in wanted.items() if main.files.get(path, data) != data)
    if lost:
        return fail(f"missing: {_some(lost)}", _ANEW)
    if other:
        return warn(
            f"not as this version writes them: {_some(other)}", f"look at the difference; else {_ANEW}"
        )
    return _with_others(main.files, wanted, tool or _OWN_TOOL)


_ANEW = "write them anew in a clone: `medperf registry init FOLDER --tool VERSION`"


def _with_others(files: Mapping[str, bytes], wanted: Mapping[str, bytes], tool: str) -> Finding:
    """Workflows of the committee's own are its affair, and could do everything ours may not."""
    known = {path.rpartition("/")[0] for path in wanted}
    of_ours = (path for path in files if path.endswith((".yml", ".yaml")) and path not in wanted)
    more = sorted(path for path in of_ours if path.rpartition("/")[0] in known)
    text = f"{len(wanted)} as this version writes them, with {tool}"
    if any(more) and "" not in known:
        return warn(f"{text}; others beside them: {_some(more)}", "see that you know what each may do")
    return ok(text)


def owners(hosting: Hosting) -> Finding:
    """All beside the registry has owners."""
    main, vendor = hosting.main(), _vendor(hosting)
    name = OWNERS_FILE[vendor]
    text = main.files.get(name, b"").decode("utf-8", "replace")
    rules = [line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    repair = f"write '{name}' as `medperf registry init` does, through a request"
    if not rules:
        return fail(f"there is no '{name}': nobody must look when a workflow changes", repair)
    named = tuple(word for word in rules[0] if word.startswith("@"))
    wanted = code_owners(vendor, named).decode().splitlines()
    if [line.split() for line in wanted if not line.startswith("#")] != rules:
        return warn(f"'{name}' says something else than that all beside the registry has owners", repair)
    return ok(f"{' '.join(named)}: all beside the registry")


def _vendor(hosting: Hosting) -> Vendor:
    assert hosting.address is not None  # noqa: S101 - these checks are for hosted forges
    return hosting.address.vendor


def _pinned(files: Mapping[str, bytes]) -> list[str]:
    """The tools that workflows install, as pip names them."""
    texts = (data.decode("utf-8", "replace") for path, data in files.items() if path.endswith(".yml"))
    return sorted({f"{match[1]}{match[2]}" for text in texts for match in _PIN.finditer(text)})


def _some(paths: list[str]) -> str:
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return ", ".join(paths[:_SHOWN]) + more
