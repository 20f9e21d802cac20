"""What people do once a registry was founded: collect signatures, then set up the repository on the forge.

The words are those of the vendors' pages. The guide tells the same with reasons; this is to tick off.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from medperf_cli.adapters.forge.api import Vendor
from medperf_cli.core.names import REGISTRY_DIR
from medperf_cli.flows.founding.found_on_forge import Founded
from medperf_cli.flows.founding.protecting import CHECKS
from medperf_cli.flows.founding.workflows import ENVIRONMENT, SECRETS, VARIABLES

_GITHUB = """\
- make an empty repository {repository}: no README, no .gitignore, no licence
- git -C {path} push --set-upstream origin main
- Settings > Actions > General > Workflow permissions: Read repository contents and packages;
  Settings > General > Pull Requests: Allow merge commits
- the organization's Settings > Developer settings > GitHub Apps > New GitHub App, without a
  webhook; Repository permissions: Contents, Read and write; generate a private key,
  install the app on this repository alone
- Settings > Environments > New environment '{environment}';
  Deployment branches and tags: Selected branches and tags, main
- in that environment:
{secrets}
- medperf registry protect {url} --bot 'APP[bot]'
  with a token that may administer the repository; or Settings > Rules > Rulesets >
  New branch ruleset for the default branch: Restrict deletions, Block force pushes,
  Require a pull request before merging (0 approvals, review from Code Owners),
  Require status checks to pass ('{check}'), not: Require linear history;
  the app alone in the Bypass list
- Settings > Pages > Build and deployment > Source: GitHub Actions
- Actions > merge > Run workflow, once, and look at what it says
"""
_GITLAB = """\
- make a blank project {repository}, without 'Initialize repository with a README'
- git -C {path} push --set-upstream origin main
- Settings > Access tokens > Add new token: role Maintainer, scopes api and write_repository;
  the merge bot's account is made with it
- Settings > CI/CD > Variables, with 'Protect variable' and environment scope '{environment}':
{secrets}
- Build > Pipeline schedules > New schedule, both for main:
  MEDPERF_JOB=merge every 15 minutes, MEDPERF_JOB=audit every night
- medperf registry protect {url} --bot LOGIN
  with a token that may administer the project; or Settings > Repository > Protected branches,
  main: Allowed to push and merge, the bot's account alone; Allowed to merge, Maintainers;
  Allowed to force push, off; Require approval from code owners, on (Premium)
- Settings > Merge requests: Merge method 'Merge commit'; Pipelines must succeed
"""
_FORGEJO = """\
- make an empty repository {repository}, without 'Initialize repository'
- git -C {path} push --set-upstream origin main
- make an account for the merge bot: Settings > Collaborators, Write;
  its token: its own Settings > Applications
- Settings > Actions > Secrets and Variables; a runner with the label 'docker' must be there:
{secrets}
- medperf registry protect {url} --bot LOGIN
  with a token that may administer the repository; or Settings > Branches > Add new rule
  for main: Whitelist restricted push, the bot alone; Enable status check, '{check}';
  Settings > Units > Pull requests: Mark pull request as manually merged, on
"""
_STEPS: Mapping[Vendor, str] = {
    Vendor.GITHUB: _GITHUB,
    Vendor.GITLAB: _GITLAB,
    Vendor.FORGEJO: _FORGEJO,
}
_LAST = "- medperf registry doctor {url} says what is still missing\n"


def signing_steps(founded: Founded) -> str:
    """Who must still sign the root of a founding, and how."""
    names = ", ".join(founded.waiting)
    return (
        f"'{founded.title}' waits for: {names}\n"
        f"  1. give each of them the folder '{founded.path / REGISTRY_DIR}', and tell them by telephone:"
        f" {founded.root}\n"
        "  2. each types: medperf registry sign-root FOLDER --contact MAILBOX\n"
        "  3. put the three files that each sends back into that folder, then:"
        f" medperf registry init {founded.path}"
    )


def next_steps(founded: Founded) -> str:
    """What is to be done on the forge, numbered."""
    vendor = founded.address.vendor
    words = {
        "repository": founded.address.repository,
        "path": str(founded.path),
        "url": founded.url,
        "environment": ENVIRONMENT,
        "check": CHECKS[vendor],
        "secrets": "\n".join(_named(vendor)),
    }
    text = f"{_STEPS[vendor]}{_LAST}".format(**words)
    head = f"'{founded.title}' stands in '{founded.path}'; next, on {founded.address.host}:"
    steps = text.removeprefix("- ").split("\n- ")
    numbered = (f"{number}. {step.rstrip()}".replace("\n", "\n ") for number, step in enumerate(steps, 1))
    return "\n".join([head, *numbered, "and give this to everybody who joins, by another way too:"])


def _named(vendor: Vendor) -> Iterator[str]:
    for sort, named in (("secret", SECRETS[vendor]), ("variable", VARIABLES[vendor])):
        for name, what in named.items():
            yield f"  {sort} {name}: {what}"
