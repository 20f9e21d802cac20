"""The merge bot's comment below a request, as posted; a stranger's words stay words."""

from __future__ import annotations

import dataclasses

import pytest

from medperf_cli.core.check.findings import Finding, Severity, Verdict
from medperf_cli.core.entities.closing import Closing
from medperf_cli.flows.hosting.hosted_status import Status
from medperf_cli.flows.hosting.merge_bot import Fate
from medperf_cli.render.status import as_comment

WAITS = Finding(
    Severity.REVIEW,
    "APP001",
    "associations/tumor-board/wdbc/models/acme/forest/1.yml",
    "waits for 1 more of the committee to approve: clara",
    "medperf review approve",
)
HOLD = Finding(Severity.HOLD, "HOLD001", "members/eve/1.yml", "its name looks like 'eva'", "choose another")
TAKEN = Finding(
    Severity.REJECT,
    "TREE002",
    "cubes/acme/forest/1.yml",
    "stands in the registry already, with other bytes",
    "version 2 is free: sync, then submit again",
)
HOSTILE = "`\n# **Approved** <img src=x onerror=alert(1)> [x](https://evil.example) @ada #1 \u202e\x1b[2J|"
SAFE = "' # **Approved** <img src=x onerror=alert(1)> [x](https://evil.example) @ada #1 ??[2J|"


def test_who_must_decide_what_counts_from_the_page_and_what_does_not_count() -> None:
    status = Status(
        12,
        Fate.WAITS,
        Verdict.REVIEW,
        (HOLD, WAITS),
        odd=[("eve", "'decisions/…/ada/1.yml' is not signed with a valid key of member 'ada'")],
        left_out=("dora",),
        recorded=("boris",),
        page=True,
    )
    assert as_comment(status) == (
        "**REVIEW**: it is sound, and waits for people.\n"
        "\n"
        "- `HOLD001` `members/eve/1.yml`: `its name looks like 'eva'` (`choose another`)\n"
        "- `APP001` `associations/tumor-board/wdbc/models/acme/forest/1.yml`: "
        "`waits for 1 more of the committee to approve: clara` (`medperf review approve 12`)\n"
        "\n"
        "Approvals in this page that count: `boris`.\n"
        "\n"
        "Decisions that do not count any more: `dora`.\n"
        "\n"
        "Comments that look like decisions and are none:\n"
        "\n"
        "- by `eve`: `'decisions/…/ada/1.yml' is not signed with a valid key of member 'ada'`\n"
        "\n"
        "To decide: `medperf review show 12`, then `medperf review approve 12` or\n"
        "`medperf review reject 12 --reason ...`. A comment in words decides nothing.\n"
        "An approving review of the newest commit counts too, of who must decide and has this\n"
        "account in the member file: the root of this registry takes the forge's word for it.\n"
    )


def test_a_rejected_request_says_what_to_repair() -> None:
    finding = dataclasses.replace(TAKEN, rule="TREE003", message="has no signature", repair="sign it")
    assert as_comment(Status(7, Fate.REJECTED, Verdict.REJECT, (finding,))) == (
        "**REJECT**: it cannot enter main as it is.\n"
        "\n"
        "- `TREE003` `cubes/acme/forest/1.yml`: `has no signature` (`sign it`)\n"
        "\n"
        "Repair what is named above, and submit again: nothing is lost by asking anew.\n"
    )


def test_a_path_that_is_taken_names_the_version_to_take() -> None:
    assert as_comment(Status(7, Fate.REJECTED, Verdict.REJECT, (TAKEN,), taken=True)) == (
        "**REJECT**: a path in it is taken for good, so this request is closed.\n"
        "\n"
        "- `TREE002` `cubes/acme/forest/1.yml`: `stands in the registry already, with other bytes` "
        "(`version 2 is free: sync, then submit again`)\n"
        "\n"
        "Take the version named above, and submit again: that is another request.\n"
    )


def test_what_is_merged_says_so_before_and_after_main_moved() -> None:
    status = Status(7, Fate.MERGED, Verdict.AUTO, recorded=("boris", "clara"))
    assert as_comment(status) == (
        "**AUTO**: everything it needs is there, so the merge bot merges it.\n"
        "\n"
        "Approvals in this page that count: `boris`, `clara`.\n"
    )
    done = as_comment(dataclasses.replace(status, commit="c" * 40))
    assert done.startswith(f"**MERGED**: it stands in main, as `{'c' * 40}`.\n")


def test_an_end_without_a_merge_names_who_ended_it_and_why() -> None:
    closing = Closing.model_validate(
        {
            "schema": "closing/1",
            "registry": "0" * 32,
            "request": "1" * 16,
            "head": "2" * 40,
            "verdict": "rejected",
            "reason": "trained on `all` patients\n@everybody",
            "member": "clara",
            "time": "2026-01-02T10:00:00Z",
        }
    )
    assert as_comment(Status(7, Fate.CLOSED, Verdict.REJECT, closing=closing)) == (
        "**CLOSED**: rejected by `clara` on 2026-01-02: `trained on 'all' patients @everybody`.\n"
    )
    assert as_comment(Status(7, Fate.CLOSED, Verdict.AUTO)) == (
        "**CLOSED**: everything in it stands in main already.\n"
    )


@pytest.mark.parametrize("field", ["path", "message", "repair", "odd", "left_out"])
def test_a_strangers_words_stay_in_their_code_span(field: str) -> None:
    benign = Status(7, Fate.REJECTED, Verdict.REJECT, (TAKEN,), odd=[("eve", "x")], left_out=("dora",))
    if field == "odd":
        status = dataclasses.replace(benign, odd=[(HOSTILE, HOSTILE)])
    elif field == "left_out":
        status = dataclasses.replace(benign, left_out=(HOSTILE,))
    else:
        finding = dataclasses.replace(TAKEN, **{field: HOSTILE})  # type: ignore[arg-type]
        status = dataclasses.replace(benign, findings=(finding,))
    text = as_comment(status)
    assert f"`{SAFE}`" in text
    assert len(text.splitlines()) == len(as_comment(benign).splitlines())
    outside = "".join(text.split("`")[::2])
    assert not any(sign in outside for sign in ("Approved", "<img", "evil.example", "@ada", "#1", "|"))


def test_a_comment_keeps_its_length_whatever_is_wrong() -> None:
    many = tuple(dataclasses.replace(TAKEN, path="p" * 5000, message=f"{n}" * 5000) for n in range(3000))
    odd = [("e" * 500, "w" * 5000)] * 500
    text = as_comment(Status(7, Fate.REJECTED, Verdict.REJECT, many, odd=odd))
    assert "- and 2975 more\n" in text
    assert "- and 490 more\n" in text
    assert len(text) < 65_536
