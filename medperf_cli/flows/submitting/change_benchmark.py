"""New versions of a benchmark that change one thing: priorities of models, who is admitted without a vote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from medperf_cli.core.names import EntityPath, Kind, is_name
from medperf_cli.errors import UsageError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.identity import me
from medperf_cli.flows.submitting.composer import content
from medperf_cli.flows.submitting.desk import Desk, at_desk
from medperf_cli.flows.submitting.publish import Published, publish

_MAX_LIST = 1 << 16
_SIDES = ("datasets", "models")


def set_priority(deps: Deps, benchmark: str, model: str, priority: int) -> Published:
    """Say how early data owners should run a model; higher is earlier. The owner decides alone.

    Raises:
        UnknownIdError: there is no such benchmark or model.
        UsageError: the benchmark is not mine, or the model takes no part in it.

    """
    with at_desk(deps) as desk:
        path, fields = _mine(desk, benchmark)
        model_id = desk.resolve(Kind.CUBE, model)
        if desk.state.in_force(Kind.ASSOCIATION, f"{path.id}/models/{model_id}") is None:
            raise UsageError(
                f"model '{model_id}' takes no part in benchmark '{path.id}'",
                hint=f"see `medperf association ls -b {path.id}`; the reference model always runs first",
            )
        kept = [item for item in fields.get("priorities", []) if item["model"] != model_id]
        together = [*kept, {"model": model_id, "priority": priority}]
        fields["priorities"] = sorted(together, key=lambda item: (-item["priority"], item["model"]))
        desk.composer.add(Kind.BENCHMARK, path.id, fields)
        return publish(desk, f"{path.id}: priority of {model_id} is {priority}")


def update_policy(
    deps: Deps, benchmark: str, changes: Mapping[str, tuple[str | None, Sequence[str] | None]]
) -> Published:
    """Say whose datasets or models are admitted without a decision; the committee decides about that.

    Args:
        deps: the world.
        benchmark: its id, or a unique part of it.
        changes: for `datasets` and `models` the mode (None: as it is) and the members allowed (None: as they
            are, or nobody where the mode is another).

    Raises:
        UnknownIdError: there is no such benchmark.
        UsageError: it is not mine, nothing changes, or members are allowed where the mode knows none.

    """
    with at_desk(deps) as desk:
        path, fields = _mine(desk, benchmark)
        policy = dict(fields["association_policy"])
        for side in _SIDES:
            mode, allow = changes.get(side, (None, None))
            policy[side] = _side(policy[side], side, mode, allow)
        if policy == fields["association_policy"]:
            raise UsageError("this is the policy already", hint="name a mode, or members to allow")
        desk.composer.add(Kind.BENCHMARK, path.id, {**fields, "association_policy": policy})
        return publish(desk, f"{path.id}: another association policy")


def allowed_members(file: Path | None, names: Sequence[str] | None) -> list[str] | None:
    """The members of an allow-list: from a file (one name a line or between spaces) and from options.

    Raises:
        UsageError: the file cannot be read, or something is not a member's name.

    """
    if file is None and not names:
        return None
    found = [*(_words(file) if file else []), *(names or ())]
    stray = next((name for name in found if not is_name(name)), None)
    if stray is not None:
        raise UsageError(f"'{stray[:60]}' is not a member's name", hint="one name a line, as in `member ls`")
    return list(dict.fromkeys(found))


def _words(file: Path) -> list[str]:
    try:
        if file.stat().st_size > _MAX_LIST:
            raise UsageError(f"'{file}' is larger than {_MAX_LIST} bytes")
        return file.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is no text"
        raise UsageError(f"'{file}': {reason.lower()}", hint="name a file with one member a line") from None


def _side(old: Mapping[str, Any], side: str, mode: str | None, allow: Sequence[str] | None) -> dict[str, Any]:
    chosen = mode or (old["mode"] if allow is None else "allow-list")
    if allow is not None and chosen != "allow-list":
        raise UsageError(
            f"members are allowed for {side}, but the mode is '{chosen}'", hint="choose the mode allow-list"
        )
    if chosen == "allow-list" and allow is None and old["mode"] != "allow-list":
        raise UsageError(f"nobody is named for the allow-list of {side}", hint="name members, or a file")
    kept = old.get("allow", []) if chosen == "allow-list" else []
    return {"mode": chosen, "allow": list(kept if allow is None else allow)}


def _mine(desk: Desk, benchmark: str) -> tuple[EntityPath, dict[str, Any]]:
    """A benchmark of mine in force, with its fields."""
    path = desk.in_force(Kind.BENCHMARK, benchmark)
    who = me(desk.deps.settings)
    if path.signer != who:
        raise UsageError(
            f"benchmark '{path.id}' is of member '{path.signer}', not of '{who}'",
            hint="only its owner writes a new version; the committee decides about it",
        )
    found = desk.reader().benchmark(path)
    assert found is not None  # noqa: S101 - it is in force
    return path, content(found)
