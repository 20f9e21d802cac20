"""The one error tree: every failure a user can meet, with its code, exit code and next step."""

from __future__ import annotations

import enum
from typing import ClassVar


class ExitCode(enum.IntEnum):
    """Process exit codes, as printed in the command line reference."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NEEDS_REVIEW = 3
    CONFIGURATION = 4
    NETWORK = 5
    CONTAINER = 6
    TIMEOUT = 7
    POLICY = 8
    PARTIAL = 9
    INTEGRITY = 10
    BUG = 70
    INTERRUPTED = 130


class MedperfError(Exception):
    """Base of all expected failures; anything else that escapes is a bug.

    Messages are lower case without full stop, error first, subject in quotes.
    `hint` says the next step; a class has a default, an instance may be more exact.
    """

    code: ClassVar[str] = "MP-FAILED"
    exit_code: ClassVar[ExitCode] = ExitCode.FAILED
    hint: str = ""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if hint is not None:
            self.hint = hint


class UsageError(MedperfError):
    """An option or argument is missing or makes no sense."""

    code = "MP-USAGE"
    exit_code = ExitCode.USAGE
    hint = "add --help to the command to see what it takes"


class UnknownIdError(UsageError):
    """No such thing in the registry, or more than one."""

    code = "MP-UNKNOWN-ID"
    hint = "list what there is with the `ls` verb of the same group"


class ConfigurationError(MedperfError):
    """A setting, identity, key or tool is missing or damaged."""

    code = "MP-CONFIG"
    exit_code = ExitCode.CONFIGURATION
    hint = "run `medperf profile view` and repair the named setting"


class TokenError(ConfigurationError):
    """A forge needs a token: there is none, it expired, or it may not do this."""

    code = "MP-TOKEN"
    hint = "make a token in the forge's settings; `medperf doctor` says where it is looked for"


class IntegrityError(MedperfError):
    """Bytes, signature or history are not what was promised."""

    code = "MP-INTEGRITY"
    exit_code = ExitCode.INTEGRITY
    hint = "do not use these bytes; ask who sent them for an untouched copy"


class RewrittenError(IntegrityError):
    """What was verified before is not in the history that is offered now."""

    hint = "history was rewritten or bent; tell the registry's admins, and keep the clone you have"


class DocumentError(IntegrityError):
    """A file is not strict YAML, or not a valid entity."""

    code = "MP-DOCUMENT"
    exit_code = ExitCode.FAILED
    hint = "correct the named field; `medperf check` shows every finding"


class SignatureError(IntegrityError):
    """A signature is malformed, or was not made by the key over these bytes."""

    code = "MP-SIGNATURE"
    hint = "sign the file again with a key of the responsible member"


class NotTrustedError(SignatureError):
    """A good signature by a key that may not sign this."""

    code = "MP-NOT-TRUSTED"


class RejectedError(MedperfError):
    """The check rejects a change; the findings say why."""

    code = "MP-REJECTED"
    hint = "repair each finding, then run the same command again"


class ConflictError(MedperfError):
    """Somebody else already took the path, or the base has moved."""

    code = "MP-CONFLICT"
    hint = "run `medperf registry sync`, then the same command again"


class NetworkError(MedperfError):
    """A remote, a forge or a download did not answer as it should."""

    code = "MP-NETWORK"
    exit_code = ExitCode.NETWORK
    hint = "check the address and proxy, then run the same command again"


class BusyError(NetworkError):
    """It may pass: no answer, a broken one, or a rate limit; `after` is how many seconds it asks to wait."""

    def __init__(self, message: str, *, hint: str | None = None, after: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.after = after


class ContainerError(MedperfError):
    """A container failed, or wrote something other than its contract says."""

    code = "MP-CONTAINER"
    exit_code = ExitCode.CONTAINER
    hint = "read the named log; once the data or the cube are repaired, run the same command again"


class EngineError(ContainerError):
    """The container engine is missing, not permitted, or cannot isolate."""

    code = "MP-ENGINE"
    exit_code = ExitCode.CONFIGURATION
    hint = "start the engine and see that this user may use it: `docker info` must work"


class TaskTimeoutError(MedperfError):
    """A task ran longer than the site allows."""

    code = "MP-TIMEOUT"
    exit_code = ExitCode.TIMEOUT
    hint = "raise the limit with `medperf profile set timeout_minutes N`, or ask the cube's owner"


class PolicyError(MedperfError):
    """Privacy or site policy forbids this."""

    code = "MP-POLICY"
    exit_code = ExitCode.POLICY
    hint = "nothing was published; see the named rule"


class PartialError(MedperfError):
    """Some of the work was done, some was not."""

    code = "MP-PARTIAL"
    exit_code = ExitCode.PARTIAL
    hint = "run the same command again: finished work is kept"


class InterruptedByUserError(MedperfError):
    """Ctrl-C or a termination signal."""

    code = "MP-INTERRUPTED"
    exit_code = ExitCode.INTERRUPTED
    hint = "run the same command again: finished work is kept"
