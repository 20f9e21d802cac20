"""Making a pinned image present in Docker: loaded from an archive or pulled by digest, and verified."""

from __future__ import annotations

import io
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from medperf_cli.adapters.runtime.docker_archive import Archive, read_archive, read_stream
from medperf_cli.adapters.runtime.docker_create import ImageFacts
from medperf_cli.adapters.runtime.docker_errors import engine_errors
from medperf_cli.adapters.runtime.docker_events import Layers, Told, patiently, refuse_error
from medperf_cli.errors import EngineError, IntegrityError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from docker import APIClient

    from medperf_cli.adapters.runtime.base import Observer
    from medperf_cli.core.entities.cube import Container

TAG = "medperf-cube"
"""Repository name given to loaded images, so that `docker image prune` does not take them."""
_ASSET_HINT = "put the cube's archive into a folder named in the profile's assets, or the local store"
_TAG_CHARACTERS = 16


def facts(api: APIClient, image_id: str) -> ImageFacts:
    """What a present image brings along (raises EngineError when it is not present)."""
    found = _inspect(api, image_id)
    if found is None:
        raise EngineError(
            f"image '{image_id}' is not in docker", hint="run the same command again to load it"
        )
    config = found.get("Config") or {}
    return ImageFacts(found["Id"], tuple(config.get("Env") or ()), tuple(config.get("Volumes") or ()))


def present(api: APIClient, container: Container, archive: Path | None, observer: Observer) -> str:
    """See `base.Engine.image`."""
    if container.image_id is not None:
        return _from_archive(api, container.image_id, archive, observer)
    if container.image is not None:
        return _from_registry(api, container.image, observer)
    raise EngineError(
        f"docker does not run a {container.container_type}", hint="choose another engine in the profile"
    )


def _from_archive(api: APIClient, pinned: str, path: Path | None, observer: Observer) -> str:
    if found := _inspect(api, pinned):
        return str(found["Id"])
    if path is None or not path.is_file():
        raise EngineError(f"image '{pinned}' is neither in docker nor in an archive here", hint=_ASSET_HINT)
    archive = read_archive(path)
    accepted = archive.same(pinned)
    if not accepted:
        raise IntegrityError(f"archive '{path}' does not hold image '{pinned}'")
    for alias in sorted(accepted):
        if found := _inspect(api, alias):
            return str(found["Id"])
    return _load(api, path, archive, accepted, observer)


def _load(api: APIClient, path: Path, archive: Archive, accepted: frozenset[str], observer: Observer) -> str:
    """Load, find the image under one of the accepted ids, and put the user's tags back."""
    before = {tag: _id_of(api, tag) for tag in archive.tags}
    observer.stage(f"loading {path.name}")
    with engine_errors(f"load '{path}'"), path.open("rb", buffering=0) as file:
        told = Told(file, observer)
        for event in patiently(lambda: api.load_image(told), told.tell_observer):  # type: ignore[no-untyped-call]
            refuse_error(event, f"load '{path}'")
    loaded = _loaded(api, archive, accepted)
    with engine_errors("tag the loaded image"):
        api.tag(loaded, TAG, loaded.partition(":")[2][:_TAG_CHARACTERS])
    _restore(api, before)
    return loaded


def _loaded(api: APIClient, archive: Archive, accepted: frozenset[str]) -> str:
    ids = [found for alias in sorted(accepted) if (found := _id_of(api, alias))]
    if ids:
        return ids[0]
    # An engine that stores manifests makes one for an archive without; its export leads back to the config.
    for tag in archive.tags:
        candidate = _id_of(api, tag)
        if candidate and accepted & _exported(api, candidate).same(candidate):
            return candidate
    raise IntegrityError(f"docker loaded another image than the pinned one ({', '.join(sorted(accepted))})")


def _exported(api: APIClient, image_id: str) -> Archive:
    with engine_errors(f"export '{image_id}'"):
        return read_stream(io.BufferedReader(_Chunks(api.get_image(image_id))))


class _Chunks(io.RawIOBase):
    """A readable file over chunks of bytes."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks: Iterator[bytes] = iter(chunks)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = chunk
        taken, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)


def _restore(api: APIClient, before: dict[str, str | None]) -> None:
    """Names in an archive are not ours to give: each goes back to what it meant before."""
    for tag, image_id in before.items():
        if _id_of(api, tag) == image_id:
            continue
        with engine_errors(f"restore the tag '{tag}'"):
            if image_id is None:
                api.remove_image(tag, noprune=True)
            else:
                repository, _, name = tag.rpartition(":")
                api.tag(image_id, repository, name)


def _from_registry(api: APIClient, reference: str, observer: Observer) -> str:
    repository, _, digest = reference.partition("@")
    if found := _with_digest(api, digest):
        return found
    observer.stage(f"pulling {repository}")
    name = _without_tag(repository)
    with _pull_errors(reference):
        layers = Layers(observer)
        layers.tell_observer()
        events = patiently(lambda: api.pull(name, tag=digest, stream=True, decode=True), layers.tell_observer)
        for event in events:
            refuse_error(event, f"pull '{reference}'")
            layers.see(event)
    if found := _with_digest(api, digest):
        return found
    raise IntegrityError(f"docker pulled '{name}', but not with digest '{digest}'")


def _with_digest(api: APIClient, digest: str) -> str | None:
    """The id of a present image with this registry digest, from whatever repository it came."""
    with engine_errors("list images"):
        for image in api.images():
            if any(name.rpartition("@")[2] == digest for name in image.get("RepoDigests") or ()):
                return str(image["Id"])
    return None


def _without_tag(repository: str) -> str:
    """`host:5000/name:tag` without the tag: the digest says which image it is."""
    head, slash, last = repository.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"


@contextmanager
def _pull_errors(reference: str) -> Iterator[None]:
    """Inside, a failed pull becomes an EngineError that says what could be done instead."""
    try:
        with engine_errors(f"pull '{reference}'"):
            yield
    except EngineError as error:
        raise EngineError(
            f"image '{reference}' is not in docker and cannot be had: {error.message}",
            hint="check the network, the proxy of the Docker daemon and `docker login`, or load the image"
            " by hand (`docker load`, or `docker pull` from a mirror)",
        ) from error


def _id_of(api: APIClient, name: str) -> str | None:
    found = _inspect(api, name)
    return None if found is None else str(found["Id"])


def _inspect(api: APIClient, name: str) -> dict[str, Any] | None:
    from docker.errors import APIError, ImageNotFound  # noqa: PLC0415 - see docker_errors

    with engine_errors(f"look for image '{name}'"), suppress(ImageNotFound):
        try:
            return dict(api.inspect_image(name))  # type: ignore[no-untyped-call]
        except APIError as error:
            if not error.is_client_error():
                raise  # a name that is no reference at all is a client error: no such image
    return None
