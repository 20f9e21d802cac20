"""The page that a scaffolded registry shows to whoever comes by: what it is, how to join, how to check it."""

from __future__ import annotations

from medperf_cli.adapters.forge.address import forge_address
from medperf_cli.adapters.forge.api import Vendor

_TOKENS = {
    Vendor.GITHUB: "on GitHub a classic one with the scope `public_repo`, or `repo` where this repository\n"
    "is private (fine-grained ones cannot open requests where their owner is no member)",
    Vendor.GITLAB: "on GitLab a personal access token with the scope `api`",
    Vendor.FORGEJO: "on Forgejo one that may read and write `repository` and `issue`, and read `user`",
}
_PAGE = """\
# {title}

A registry for federated benchmarking of medical AI: who takes part, what was approved, what came out.
Every file below `registry/` is signed by whoever is responsible for it. Data never come here; models
travel to them.

| | |
|---|---|
| address | `{url}` |
| root | `{root}` |

Compare the root with what the admins published elsewhere (on paper, by telephone): a page that an
intruder could change proves nothing about itself.

## Read and check

```
pip install '{tool}'
medperf registry add {url} \\
  --root {root}
medperf benchmark ls
medperf registry verify
```

`add` verifies the whole history before it believes any of it. From then on lists, views and `verify`
need no network. With a clone, `git` and `ssh-keygen` alone, anybody checks who said what, in years too:
`medperf registry export-allowed-signers` writes the file that stock tools need for it.

## Join

```
{profile}medperf key new --passphrase
medperf member register NAME --contact MAILBOX
```

Sending anything takes an account here and a token: {token}.
It goes into the variable `MEDPERF_FORGE_TOKEN`, or where git keeps your credentials; never into a command
line. Who may not write here gets a fork, made with the first request. The admins find out by a way of
their own who you are, and decide. The mailbox is public for ever: give one of a role.

## Submit

`medperf model submit`, `medperf dataset submit`, `medperf result submit --all`: each shows the exact files,
asks, signs, sends, and prints the request's address. What needs nobody's decision is merged by the bot's
next round; for all else a comment names who must decide. A request is not edited by hand: what is signed
is signed.

## Decide

`medperf todo` lists what waits for you. `medperf review approve NUMBER` signs your decision and leaves it
as a comment. An approving review in this page is weaker evidence: it counts for associations only, where
the root says so and your member file names your account. Every view says which of the two it was.

## What stands where

`registry/` is only ever added to, by requests that touch nothing else. All else (workflows, this page)
belongs to the owners named in `{owners}`.
"""


def readme(*, title: str, url: str, root: str, vendor: Vendor, owners: str, tool: str) -> str:
    """The README of a registry.

    Args:
        title: what it is called.
        url: its address.
        root: its root's fingerprint, `sha256:…`.
        vendor: whose forge it is on.
        owners: the file that names the owners of code.
        tool: what pip is to install.

    """
    known = forge_address(url)
    guessed = known is not None and known.vendor is vendor
    return _PAGE.format(
        title=title,
        url=url,
        root=root,
        token=_TOKENS[vendor],
        owners=owners,
        tool=tool,
        profile="" if guessed else f"medperf profile set forge {vendor}\n",
    )
