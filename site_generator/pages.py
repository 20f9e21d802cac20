"""Which pages there are, in the order in which they are made (the prose is not among them)."""

from __future__ import annotations

from collections.abc import Iterator

from medperf_cli.core.names import Kind
from site_generator import addresses
from site_generator.member_keys import Keys
from site_generator.records import Records
from site_generator.views.benchmark import benchmark_pages
from site_generator.views.home import home
from site_generator.views.lists import lists
from site_generator.views.page import Page
from site_generator.views.subjects import cube_page, dataset_page, member_page
from site_generator.views.version import version_page


def pages(records: Records, keys: Keys) -> Iterator[Page]:
    """All pages made from a snapshot."""
    yield home(records)
    yield from lists(records)
    for benchmark in records.names(Kind.BENCHMARK):
        yield from benchmark_pages(records, benchmark)
    for cube in records.names(Kind.CUBE):
        yield cube_page(records, cube)
    for dataset in records.names(Kind.DATASET):
        yield dataset_page(records, dataset)
    for member in records.names(Kind.MEMBER):
        yield member_page(records, member, keys)
    roots = records.versions(Kind.ROOT, "")
    yield Page(addresses.VERIFY, "verify.html", "Verify", "verify", {"roots": roots})
    for entity in records.entities:
        yield version_page(records, entity, keys)
