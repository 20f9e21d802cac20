"""The `git` program in a scrubbed environment; every quirk of git as a process lives here.

Plain subprocess, not GitPython: `git.cmd.Git.execute` starts from the caller's environment and can only
add to it, so inherited `GIT_DIR`, `GIT_INDEX_FILE` or `GIT_CONFIG_*` would reach git; and its import costs
more than the git calls of most commands.
"""

from __future__ import annotations

import functools
import os
import re
import subprocess
import threading
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from medperf_cli.adapters import trace
from medperf_cli.adapters.credentials import OURS
from medperf_cli.adapters.store.progress import silent
from medperf_cli.errors import ConfigurationError, IntegrityError, MedperfError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from medperf_cli.adapters.store.progress import Progress

MINIMUM_VERSION = (2, 32)
"""First version that obeys GIT_CONFIG_GLOBAL."""

_QUARANTINE = ("GIT_QUARANTINE_PATH", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES")
_NETWORK = re.compile(
    r"GIT_(SSH|SSH_COMMAND|SSH_VARIANT|ASKPASS|PROXY_COMMAND|HTTP_\w+|SSL_\w+|ALLOW_PROTOCOL"
    r"|CONFIG_(GLOBAL|SYSTEM|NOSYSTEM|COUNT|KEY_\d+|VALUE_\d+))\Z"
)
_ALWAYS = {
    "LC_ALL": "C",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_GRAFT_FILE": os.devnull,
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PAGER": "cat",
    "GIT_EDITOR": "false",
}
_LOCAL = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_ATTR_NOSYSTEM": "1"}
# A repository's own configuration is still read: what in it could run a program or bend history is overruled.
_OPTIONS = (
    *("--no-pager", "-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false"),
    *("-c", "core.commitGraph=false", "-c", "gc.autoDetach=false", "-c", "maintenance.autoDetach=false"),
)
_PROTOCOLS = "file:https:http:ssh"
_BOILERPLATE = re.compile(
    r"(fatal: Could not read from remote repository|Please make sure you have the correct access rights"
    r"|and the repository exists|error: failed to push some refs|hint: |remote: *$|To )"
)


@dataclass(frozen=True)
class Finished:
    """How a git process ended."""

    code: int
    stdout: bytes
    stderr: str


def environment(*, network: bool = False, hook: bool = False) -> dict[str, str]:
    """The environment git runs in.

    Args:
        network: keep what reaches a remote (user's configuration, ssh, proxy and certificate settings).
        hook: keep the quarantine of objects that are being pushed.

    """
    given = {
        k: v for k, v in os.environ.items() if k not in OURS
    }  # a local remote's hooks would inherit them
    kept = {k: v for k, v in given.items() if not k.startswith("GIT_") or k == "GIT_EXEC_PATH"}
    if hook:
        kept.update({k: os.environ[k] for k in _QUARANTINE if k in os.environ})
    if network:
        kept.update({k: v for k, v in os.environ.items() if _NETWORK.match(k)})
        kept.setdefault("GIT_ALLOW_PROTOCOL", _PROTOCOLS)
    else:
        kept.update(_LOCAL)
    return kept | _ALWAYS


def locate(path: Path) -> Path:
    """The git directory of a bare or non-bare repository (raises ConfigurationError if it is neither).

    Parent folders are never searched: a mistyped path must not find somebody else's repository.
    """
    if (inner := path / ".git").exists():
        return inner.absolute()
    if (path / "HEAD").is_file() and (path / "objects").is_dir():
        return path.absolute()
    raise ConfigurationError(
        f"'{path}' is not a git repository",
        hint="name a clone of the registry, or add one: `medperf registry add`",
    )


class Git:
    """The git program on one repository.

    Raises:
        ConfigurationError: git is missing or too old, or `path` is not a repository.

    """

    def __init__(self, path: Path, *, hook: bool = False) -> None:
        require_git()
        self.directory = locate(path)
        self.hook = hook

    def argv(self, *args: str) -> list[str]:
        """The command line for `args` on this repository."""
        return ["git", f"--git-dir={self.directory}", *_OPTIONS, *args]

    def local(self, *args: str, stdin: bytes = b"") -> Finished:
        """Run plumbing that needs no remote; the caller judges the exit code."""
        return execute(self.argv(*args), environment(hook=self.hook), stdin=stdin, cwd=self._cwd)

    def read(self, *args: str, stdin: bytes = b"") -> bytes:
        """Run plumbing that must succeed and return its output (raises as `local_error` says)."""
        done = self.local(*args, stdin=stdin)
        if done.code != 0:
            raise local_error(self.directory, done.stderr)
        return done.stdout

    def lines(self, *args: str) -> Iterator[str]:
        """Yield output lines as git writes them; git is ended when the caller has seen enough."""
        env = environment(hook=self.hook)
        process = spawn(self.argv(*args), env, cwd=self._cwd, stderr=subprocess.PIPE)  # few lines: never full
        assert process.stdout is not None  # noqa: S101 - PIPE was asked for
        assert process.stderr is not None  # noqa: S101 - PIPE was asked for
        ended = False
        with process:
            try:
                for line in process.stdout:
                    yield line.decode("utf-8", "surrogateescape").rstrip("\n")
                ended = True
                stderr = process.stderr.read().decode("utf-8", "replace")
            finally:
                if not ended:
                    process.kill()
        if process.returncode != 0:
            raise local_error(self.directory, stderr)

    def remote(
        self, *args: str, more: dict[str, str], progress: Progress, holding: Sequence[int] = ()
    ) -> Finished:
        """Talk to a remote, with `more` environment, where the caller is; git inherits `holding`."""
        env = environment(network=True, hook=self.hook) | more
        return execute(self.argv(*args), env, progress=progress, holding=holding)

    def open_pipe(self, *args: str, network: bool = False) -> subprocess.Popen[bytes]:
        """Start a long-lived git with pipes for stdin and stdout."""
        env = environment(network=network, hook=self.hook)
        return spawn(self.argv(*args), env, cwd=self._cwd, stderr=subprocess.DEVNULL)

    @property
    def _cwd(self) -> Path:
        return self.directory if self.directory.is_dir() else self.directory.parent


def spawn(
    argv: list[str], env: dict[str, str], *, cwd: Path | None, stderr: int, holding: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    """Start a process with pipes (raises ConfigurationError where git is missing)."""
    trace.ran(argv)
    try:
        pipe = subprocess.PIPE
        return subprocess.Popen(
            argv, env=env, cwd=cwd, stdin=pipe, stdout=pipe, stderr=stderr, pass_fds=holding
        )
    except FileNotFoundError as error:
        raise ConfigurationError("program 'git' was not found", hint=_install()) from error


def execute(
    argv: list[str],
    env: dict[str, str],
    *,
    stdin: bytes = b"",
    cwd: Path | None = None,
    progress: Progress = silent,
    holding: Sequence[int] = (),
) -> Finished:
    """Run a process to its end, watching its progress lines on stderr."""
    with spawn(argv, env, cwd=cwd, stderr=subprocess.PIPE, holding=holding) as process:
        assert process.stderr is not None  # noqa: S101 - PIPE was asked for
        stderr: list[str] = []
        watcher = threading.Thread(target=_watch, args=(process.stderr, stderr, progress), daemon=True)
        watcher.start()
        stdout = _feed(process, stdin)
        watcher.join()
    return Finished(process.returncode, stdout, "\n".join(stderr))


def _feed(process: subprocess.Popen[bytes], stdin: bytes) -> bytes:
    assert process.stdin is not None  # noqa: S101 - PIPE was asked for
    assert process.stdout is not None  # noqa: S101 - PIPE was asked for
    writer = threading.Thread(target=_write, args=(process.stdin, stdin), daemon=True)
    writer.start()
    stdout = process.stdout.read()
    writer.join()
    return stdout


def _write(pipe: IO[bytes], data: bytes) -> None:
    try:
        pipe.write(data)
        pipe.close()
    except BrokenPipeError:
        return  # git ended before it read everything; its exit code tells


_STEP = re.compile(r"(?:remote: )?([A-Z][a-z]+ objects|Resolving deltas): +\d+% \((\d+)/(\d+)\)")


def _watch(pipe: IO[bytes], kept: list[str], progress: Progress) -> None:
    # Progress lines end in a carriage return, others in a newline.
    rest = b""
    while chunk := pipe.read1(65536):  # type: ignore[attr-defined] # the pipe is a BufferedReader
        *lines, rest = re.split(rb"[\r\n]", rest + chunk)
        for line in lines:
            _note(line, kept, progress)
    _note(rest, kept, progress)


def _note(line: bytes, kept: list[str], progress: Progress) -> None:
    text = line.decode("utf-8", "replace")
    if step := _STEP.match(text):
        progress(step[1].lower(), int(step[2]), int(step[3]))
    elif text.strip():
        kept.append(printable(text))


def printable(text: str) -> str:
    """A stranger's line without credentials in addresses and without terminal control characters."""
    text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)
    return "".join(c if c.isprintable() else " " for c in trace.without_secrets(text)).rstrip()


def last_word(stderr: str) -> str:
    """The line of git's stderr that says what happened, without git's usual tail."""
    lines = [line for line in stderr.splitlines() if line.strip()]
    telling = [line for line in lines if not _BOILERPLATE.match(line)]
    line = (telling or lines or ["git said nothing"])[-1]
    return re.sub(r"\A(fatal|error|ERROR): +", "", line).rstrip(".")


def local_error(directory: Path, stderr: str) -> MedperfError:
    """The error for local plumbing that failed: the machine's fault, or damage."""
    line = last_word(stderr)
    causes = ("permission denied", "no space left", "read-only", "not a git repository", "bad config")
    if any(cause in stderr.lower() for cause in causes):
        return ConfigurationError(
            f"git failed in '{directory}': {line}",
            hint="see that this user may write there and space is left",
        )
    return IntegrityError(
        f"git failed in '{directory}': {line}",
        hint="`git fsck` in that folder shows the damage; else clone it anew",
    )


def require_git() -> None:
    """See that git is there and new enough (raises ConfigurationError); asked once per PATH."""
    found = version()
    if found < MINIMUM_VERSION:
        raise ConfigurationError(f"git is too old: version {'.'.join(map(str, found))}", hint=_install())


def version() -> tuple[int, ...]:
    """Major and minor version of the git in PATH (raises ConfigurationError where there is none)."""
    return _version(os.environ.get("PATH", ""))


@functools.lru_cache(maxsize=4)
def _version(path: str) -> tuple[int, ...]:
    del path  # the key of the cache
    done = execute(["git", "version"], environment())
    match = re.search(rb"(\d+)\.(\d+)", done.stdout)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _install() -> str:
    return f"install git {'.'.join(map(str, MINIMUM_VERSION))} or newer"
