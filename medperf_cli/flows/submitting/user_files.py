"""YAML files a user writes by hand: read safely, with errors that name the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from medperf_cli.errors import UsageError

_LIMIT = 1 << 20


def read_mapping(file: Path) -> dict[str, Any]:
    """A YAML mapping of a file.

    Raises:
        UsageError: missing, unreadable, too large, not YAML, or not a mapping with text keys.

    """
    import yaml  # noqa: PLC0415 - start-up time

    try:
        if file.stat().st_size > _LIMIT:
            raise UsageError(f"'{file}' is larger than {_LIMIT} bytes")
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise UsageError(f"'{file}': {reason}", hint="name an existing file") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"'{file}' is not YAML: {' '.join(str(error).split())}", hint="repair it") from None
    if not isinstance(found, dict) or not all(isinstance(k, str) for k in found):
        raise UsageError(f"'{file}' is not a mapping of named fields", hint="write `field: value` lines")
    return found
