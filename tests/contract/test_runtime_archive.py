"""Which images an archive holds, known by the digests of its bytes; no engine is needed."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from medperf_cli.adapters.runtime.docker_archive import read_archive
from medperf_cli.errors import IntegrityError

if TYPE_CHECKING:
    from pathlib import Path


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _tar(path: Path, files: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


CONFIG = b'{"rootfs": {}}'


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_an_archive_is_known_by_the_digests_of_its_bytes(tmp_path: Path, mode: str) -> None:
    saved = json.dumps([{"Config": "liar.json", "RepoTags": ["a:1"], "Layers": []}]).encode()
    archive = read_archive(_tar(tmp_path / "a.tar", {"manifest.json": saved, "liar.json": CONFIG}, mode))

    assert archive.same(_digest(CONFIG)) == {_digest(CONFIG)}
    assert archive.same(f"sha256:{'0' * 64}") == frozenset()
    assert archive.tags == ("a:1",)


def test_an_index_leads_to_each_config_with_all_its_names(tmp_path: Path) -> None:
    manifests = [json.dumps({"config": {"digest": _digest(c)}}).encode() for c in (CONFIG, b'{"other": 1}')]
    inner = json.dumps({"manifests": [{"digest": _digest(m)} for m in manifests]}).encode()
    index = json.dumps({"manifests": [{"digest": _digest(inner)}, {"digest": f"sha256:{'9' * 64}"}]}).encode()
    blobs = {f"blobs/sha256/{n}": data for n, data in enumerate([*manifests, inner])}

    archive = read_archive(_tar(tmp_path / "oci.tar", {"index.json": index, **blobs}))

    assert archive.same(_digest(CONFIG)) == {_digest(CONFIG), _digest(manifests[0]), _digest(inner)}
    assert len(archive.same(_digest(inner))) == 5


@given(
    st.dictionaries(
        st.sampled_from(["manifest.json", "index.json", "x.json"]),
        st.sampled_from(
            [
                b"",
                b"[]",
                b"{}",
                b"null",
                b"[1]",
                b'[{"Config": 3}]',
                b'{"manifests": [1]}',
                b'{"manifests": 5}',
                b"\xff",
            ]
        ),
    )
)
@hypothesis_settings(deadline=None, max_examples=40)
def test_a_damaged_archive_is_refused_and_nothing_worse(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    with pytest.raises(IntegrityError, match="is not an image archive"):
        read_archive(_tar(tmp_path_factory.mktemp("a") / "a.tar", files))
