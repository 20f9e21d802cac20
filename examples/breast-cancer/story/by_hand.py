"""What somebody does who knows git and ssh-keygen and goes past this tool: scripts of stock commands."""

from __future__ import annotations

_IDENTITY = "-c user.name={who} -c user.email={who}@example.org"


def forged(
    who: str, *, kind: str, source: str, target: str, swaps: dict[str, str], key: str, registry: str
) -> str:
    """A script that makes a signed file of another one, commits it and pushes it to main.

    Args:
        who: in whose folder it happens.
        kind: the kind of file, which the signature's namespace names.
        source: a signed file of the registry, relative to `registry/`, without ending.
        target: where the new one goes.
        swaps: texts to replace in it.
        key: the private key that signs, as seen from the stage.
        registry: the registry's id.

    """
    edits = " ".join(f"-e 's|{old}|{new}|'" for old, new in swaps.items())
    identity = _IDENTITY.format(who=who)
    return f"""
git clone -q registry.git {who}/clone && cd {who}/clone/registry
old={source} new={target} && mkdir -p $(dirname $new)
sed {edits} $old.yml > $new.yml
ssh-keygen -q -Y sign -f ../../../{key} -n {kind}.v1@{registry} $new.yml && mv $new.yml.sig $new.sig
git add . && git {identity} commit -q -m "past the tool"
git push -q origin HEAD:main
"""


def spelled(digest: str) -> str:
    """A digest as the registry's YAML spells it: without quotes only where it begins with a letter."""
    return digest if digest[0].isalpha() else f'"{digest}"'


def smuggled(source: str, target: str, edit: str) -> str:
    """A script that commits an edited copy of a file, unsigned, in the bare repository, where no hook runs.

    `source` and `target` are relative to `registry/`; `edit` is a command of sed.
    """
    identity = _IDENTITY.format(who="somebody")
    return f"""
export GIT_DIR=registry.git GIT_INDEX_FILE=smuggled.index && git read-tree main
blob=$(git show main:registry/{source} | sed '{edit}' | git hash-object -w --stdin)
git update-index --add --cacheinfo 100644,$blob,registry/{target}
commit=$(git {identity} commit-tree -p main -m "one more model" $(git write-tree))
git update-ref refs/heads/main $commit && rm -f smuggled.index
"""
