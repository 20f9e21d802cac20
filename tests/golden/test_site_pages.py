"""What each kind of page tells a reader of a registry with a past: three hospitals, ends, doubts, waits."""

from __future__ import annotations

import copy
import html as entities
import re
import shlex
from functools import cache

import pytest

from medperf_cli.core.names import Kind
from site_generator import addresses
from site_generator.build import HEAVY
from site_generator.grids import grids, leaves, shown_grids
from site_generator.plot import MOST, Dot, dot_plot
from site_generator.records import Records
from site_generator.views.benchmark import benchmark_pages
from site_generator.views.page import sheets
from tests.core.test_prose import accept
from tests.support.consortium import (
    BENCHMARK,
    LAKESIDE,
    LEFT,
    MODELS,
    REJECTED,
    SITES,
    WAITING,
    WITHDRAWN,
    consortium,
)
from tests.support.published import Document, rendered, snapshot_of

BOARD = f"benchmarks/{BENCHMARK}/index.html"
FOREST = "acme/random-forest"


@cache
def _snapshot() -> Document:
    return snapshot_of(consortium())


@cache
def _pages() -> dict[str, str]:
    return rendered(_snapshot())


def page(address: str) -> str:
    return _pages()[address]


def words(address: str) -> str:
    """A page's text as it is read: without elements, with single spaces."""
    return " ".join(entities.unescape(re.sub(r"<[^>]+>", "", page(address))).split())


def section(html: str, place: str) -> str:
    """From the heading of that id to the next of its level."""
    return html.partition(f'<h2 id="{place}">')[2].partition("<h2")[0]


def test_a_board_has_a_row_a_model_and_a_column_a_site_with_n_in_each_cell() -> None:
    table = page(BOARD).partition("</caption>")[2].partition("</table>")[0]
    assert table.count('<th scope="row">') == len(MODELS)
    for site in SITES:
        assert f"datasets/{site}/index.html" in table
    assert table.count('<span class="unit">n 180') == len(MODELS)
    assert "not run" in table
    assert "incomplete, not ordered" in table


def test_what_the_board_says_stands_before_the_board() -> None:
    html = page(BOARD)
    assert 0 < html.index('<p class="says">Accuracy (higher is better) over 380 patients') < html.index("<h2")


def test_who_takes_no_part_any_more_is_off_the_board_and_below_it() -> None:
    html = page(BOARD)
    above, below = html.split('<h2 id="ended">')
    for gone in (WITHDRAWN, REJECTED):
        assert f"cubes/{gone}/index.html" not in above
        assert f"models/{gone}/1.html" in below
    assert f"datasets/{LEFT}/index.html" not in above
    assert "two patients were counted twice" in below


def test_sites_stand_with_the_case_mix_that_their_owners_published() -> None:
    text = section(page(BOARD), "sites")
    assert "classes: malignant" in text
    assert '<td class="num">58</td>' in text


def test_the_committee_its_threshold_and_the_policy_are_said_in_words() -> None:
    text = section(page(BOARD), "committee")
    assert "decide together who takes part" in text
    assert "Datasets: each needs the committee" in text
    assert "take part without a decision" in text


def test_a_timeline_says_who_decided_and_tells_a_sites_results_together() -> None:
    text = " ".join(re.sub(r"<[^>]+>", "", section(page(BOARD), "history")).split())
    assert "acme/random-forest takes part in tumor-board/breast-cancer, decided by boris and clara" in text
    assert "and 5 more results of st-mary were published" in text
    assert "was revoked before it took effect, decided by clara and boris" in text


@pytest.mark.parametrize("address", [BOARD, "index.html"])
def test_the_commands_shown_are_commands_of_this_program(address: str) -> None:
    lines = [
        line
        for block in re.findall(r"<pre[^>]*><code>(.*?)</code></pre>", page(address), re.DOTALL)
        for line in entities.unescape(block).splitlines()
        if line.startswith("medperf ")
    ]
    assert lines
    for line in lines:
        assert shlex.split(line)
        accept(line)


def test_a_model_shows_its_card_its_results_and_how_it_takes_part() -> None:
    html = page(f"cubes/{FOREST}/index.html")
    assert "none of them is in a hospital" in section(html, "card")
    results = section(html, "results")
    assert all(f"datasets/{site}/index.html" in results for site in SITES)
    assert "<svg" in results
    assert "withdrawn" in results.partition("do not count")[2]
    assert "decided by" not in section(html, "associations")
    assert "members/clara/index.html" in section(html, "associations")


def test_models_have_a_list_of_their_own_and_no_second_page() -> None:
    assert f"cubes/{FOREST}/index.html" in page(addresses.MODELS)
    assert f"cubes/{FOREST}/index.html" not in page(addresses.CUBES)
    assert "tumor-board/metrics" not in page(addresses.MODELS).partition("<main")[2]
    assert not [a for a in _pages() if a.startswith("models/") and a != addresses.MODELS]


def test_a_model_that_was_turned_down_says_so_first_with_the_reason() -> None:
    text = words(f"cubes/{REJECTED}/index.html")
    said = text.index("Takes no part in tumor-board/breast-cancer")
    assert said < text.index("Model card")
    assert "before it took effect" in text
    assert "it was trained on the hospitals' patients" in text


def test_a_dataset_shows_statistics_as_tables_and_explains_its_hash() -> None:
    html = page(f"datasets/{LAKESIDE}/index.html")
    table = section(html, "statistics")
    assert '<th scope="col" class="num"><bdi>median</bdi></th>' in table
    assert '<th scope="row"><bdi>radius_mean</bdi></th>' in table
    assert "2023, 2024" in html, "a year has no thousands"
    assert "secret salt that stays at" in html


def test_a_result_says_its_number_in_words_and_how_it_was_run() -> None:
    text = words(f"results/{BENCHMARK}/{FOREST}/{LAKESIDE}/1.html")
    assert "acme/random-forest reached Accuracy 0.925 ± 0.030 (standard error) at lakeside/referrals" in text
    assert "over 80 patients; higher is better. No case failed" in text
    assert "52 of 58; 58 patients are concerned" in text
    assert "user-namespace" in text
    assert "docker 27.3.1" in text


def test_a_result_shows_the_chain_to_the_root() -> None:
    html = page(f"results/{BENCHMARK}/{FOREST}/st-mary/aspirates/2.html")
    chain = html.partition('<ol class="chain">')[2].partition("</ol>")[0]
    for part in (
        f"associations/{BENCHMARK}/models/{FOREST}/1.html#check",
        f"associations/{BENCHMARK}/datasets/st-mary/aspirates/1.html#check",
        f"benchmarks/{BENCHMARK}/2.html#check",
        "members/st-mary/1.html#check",
        "root/1.html#check",
        f"decisions/associations/{BENCHMARK}/models/{FOREST}/1/boris/1.html#check",
    ):
        assert part in chain, part
    assert _snapshot()["registry"]["root_sha256"] in chain


def test_what_a_compromised_key_signed_is_marked_wherever_it_is_shown() -> None:
    said = "Signed with a key that was compromised"
    assert said in page(f"results/{BENCHMARK}/{FOREST}/{LAKESIDE}/1.html")
    assert said not in page(f"results/{BENCHMARK}/{FOREST}/st-mary/aspirates/2.html")
    assert page(BOARD).partition("</table>")[0].count("doubted key") == len(MODELS) - 1
    member = words("members/lakeside/index.html")
    assert "The key “first key” was revoked: compromised, since 2026-11-20T08:00:00Z" in member
    assert "revoked a key (compromised)" in member
    assert said not in page("members/lakeside/3.html"), "the new key signed this"


def test_what_ended_says_when_by_whom_and_why() -> None:
    ended = page(addresses.ENDED)
    assert ended.count('<th scope="row">') == sum(
        e["standing"] in ("revoked", "withdrawn") for e in _snapshot()["entities"]
    )
    assert "never in effect" in ended
    banner = page(f"results/{BENCHMARK}/{FOREST}/st-mary/aspirates/1.html").partition('class="banner ended"')[
        2
    ]
    assert "<strong>Withdrawn</strong> on" in banner
    assert "two patients were counted twice" in banner.partition("</div>")[0]


def test_a_result_of_who_left_is_said_to_be_off_the_board() -> None:
    snapshot = copy.deepcopy(_snapshot())
    path = f"results/{BENCHMARK}/{WITHDRAWN}/st-mary/aspirates/1.yml"
    result = next(e for e in snapshot["entities"] if e["path"] == path)
    result |= {"standing": "effective", "in_force": True}
    html = rendered(snapshot)[addresses.version_page(path)]
    assert "<strong>Not on the board:</strong> model acme/old-rules takes no part" in html


def test_pending_says_since_when_and_who_can_act() -> None:
    text = words(addresses.PENDING)
    assert re.search(r"acme/deep-forest in tumor-board/breast-cancer *take part *2026-05-31", text)
    assert "1 of boris (committee)" in text
    assert "1 of ada (admins)" in text
    assert "Open requests are not here" in text
    assert "Pending." in words(f"associations/{BENCHMARK}/models/{WAITING}/1.html")


def test_home_has_three_doors_the_state_and_what_happened() -> None:
    html = page("index.html")
    for guide in ("data-owner", "model-owner", "committee"):
        assert f'href="docs/guides/{guide}.html"' in html
    assert "eastern-hospital</a> asked to be admitted" in html
    assert f"--root sha256:{_snapshot()['registry']['root_sha256']}" in html


def test_no_number_comes_without_what_it_rests_on() -> None:
    for address in (BOARD, f"cubes/{FOREST}/index.html", f"datasets/{LAKESIDE}/index.html"):
        values = page(address).partition('<h3 id="differences">')[0]
        cells = re.findall(r'<td class="num"><a href="[^"]*results/[^"]*">[^<]*</a>(.*?)</td>', values)
        assert cells
        assert not [cell for cell in cells if not re.search(r"n \d+|\d+ / \d+|as reported", cell)]


def test_a_long_board_goes_on_over_sheets_and_leaves_the_sites_to_other_pages() -> None:
    snapshot = copy.deepcopy(_snapshot())
    asked = f"associations/{BENCHMARK}/models/{FOREST}/1.yml"
    original = next(e for e in snapshot["entities"] if e["path"] == asked)
    for number in range(60):
        name = f"acme/{'m' * 28}-{number:03d}"
        new = {"path": asked.replace(FOREST, name), "id": original["id"].replace(FOREST, name)}
        snapshot["entities"].append({**original, **new, "decisions": [], "signatures": {}})
    records = Records(snapshot)
    (benchmark,) = records.names(Kind.BENCHMARK)
    first, second = benchmark_pages(records, benchmark)
    assert second.address == f"benchmarks/{BENCHMARK}/page-2.html"
    assert len(first.given["lines"]) + len(second.given["lines"]) == len(MODELS) + 60
    assert not first.given["small"]
    assert not first.given["plots"]


def test_a_long_list_goes_on_over_sheets() -> None:
    made = list(sheets("models/index.html", list(range(250))))
    assert [a for a, _ in made] == ["models/index.html", "models/page-2.html", "models/page-3.html"]
    assert [len(s.items) for _, s in made] == [100, 100, 50]
    assert made[0][1].before is None
    assert made[2][1].after is None
    ((address, empty),) = sheets("models/index.html", [])
    assert (address, empty.total) == ("models/index.html", 0)


NESTED = {
    "cases": 80,
    "classes": {"benign": 22, "malignant": 58},
    "features": {"radius": {"mean": 14.1, "sd": 3.5}, "area": {"mean": 655.0}},
    "notes": [{"name": "a"}, {"name": "b"}],
    "deep": {"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": 1}}}}}}}},
    "nothing": {},
}


def test_nested_mappings_become_tables_and_nothing_is_lost() -> None:
    made = {grid.caption: grid for grid in grids(NESTED, "")}
    assert made[""].rows == (("cases", (80,)),)
    assert made["features"].columns == ("", "mean", "sd")
    assert made["features"].rows == (("area", (655.0, None)), ("radius", (14.1, 3.5)))
    assert made["notes"].rows == (("1", ("a",)), ("2", ("b",)))
    assert "'h': 1" in str(list(grids(NESTED, "")))
    assert leaves(NESTED, 2) == {"cases": 80, "classes.benign": 22, "classes.malignant": 58}


def test_a_picture_is_drawn_of_what_fits_and_of_nothing_else() -> None:
    board = Records(_snapshot()).board(BENCHMARK)
    assert board is not None
    value = next(iter(board.lines[0].cells.values())).values["accuracy"]
    definition = {
        "name": "Accuracy",
        "unit": "proportion",
        "better": "higher",
        "minimum": 0.0,
        "maximum": 1.0,
    }
    dots = [Dot("a-model", "x" * 65, value)]
    plot = dot_plot(dots, definition, 3)
    assert plot is not None
    assert [row.label for row in plot.rows] == ["a-model", "x" * 31 + "…"]
    assert dot_plot([], definition, 3) is None
    assert dot_plot(dots * (MOST + 1), definition, 3) is None


def test_the_list_of_models_says_where_each_takes_part_or_no_longer_does() -> None:
    html = page(addresses.MODELS)
    reference, rejected = (
        html.partition(f"cubes/{model}/index.html")[2].partition("</tr>")[0]
        for model in ("tumor-board/reference-model", REJECTED)
    )
    assert "breast-cancer</a> (reference)" in reference
    assert f'aria-label="revoked in {BENCHMARK}"' in rejected


@pytest.mark.parametrize("kept", [(), ("root/1.yml",)], ids=["nothing", "only a root"])
def test_a_registry_with_nothing_in_it_still_has_its_pages(kept: tuple[str, ...]) -> None:
    snapshot = copy.deepcopy(_snapshot())
    snapshot["entities"] = [e for e in snapshot["entities"] if e["path"] in kept]
    made = rendered(snapshot)
    assert "No benchmark stands here yet" in made["index.html"]
    assert "Nothing waits" in made[addresses.PENDING]
    assert "Nothing has ended" in made[addresses.ENDED]


def test_statistics_without_end_are_cut_and_the_page_says_so() -> None:
    many = {f"table{n}": {f"key{m}": m for m in range(200)} for n in range(10)}
    shown, more = shown_grids(many)
    assert len(shown) == 3
    assert more
    snapshot = copy.deepcopy(_snapshot())
    dataset = next(e for e in snapshot["entities"] if e["path"] == f"datasets/{LAKESIDE}/2.yml")
    dataset["document"]["prepared"]["statistics"] = many
    assert "More stands in the signed file" in rendered(snapshot)[f"datasets/{LAKESIDE}/index.html"]


def test_a_board_with_as_many_metrics_as_there_may_be_stays_a_page() -> None:
    snapshot = copy.deepcopy(_snapshot())
    charter = next(e for e in snapshot["entities"] if e["path"] == f"benchmarks/{BENCHMARK}/2.yml")
    primary = next(m for m in charter["document"]["metrics"] if m["primary"])
    more = [{**primary, "key": f"metric{n}", "primary": False} for n in range(27)]
    charter["document"]["metrics"] += more
    results = [e["document"] for e in snapshot["entities"] if e["kind"] == "result"]
    for result in results:
        (accuracy,) = (m for m in result["metrics"] if m["key"] == "accuracy")
        result["metrics"] += [{**accuracy, "key": m["key"]} for m in more]
    html = rendered(snapshot)[BOARD]
    assert len(html) < HEAVY
