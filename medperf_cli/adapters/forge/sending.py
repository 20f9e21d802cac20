"""What every adapter sees to: the form of a token and where it would go, and that no error repeats it."""

from __future__ import annotations

import re

from medperf_cli.adapters.forge.address import ForgeAddress
from medperf_cli.core.quoting import one_line
from medperf_cli.errors import TokenError

AGENT = "medperf"
"""How the tool names itself to a forge."""
_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}\Z")
_MOST_WORDS = 300


def sendable(address: ForgeAddress, token: str | None) -> None:
    """See that a token can be sent, and not be read on the way.

    Raises:
        TokenError: it cannot; the token is not repeated.

    """
    if token is None:
        return
    if not _TOKEN.match(token):
        raise TokenError(
            f"what is kept as the token for '{address.host}' holds what no token does, or nothing"
        )
    if not address.secure:
        raise TokenError(
            f"'{address.api}' is not https: a token could be read on the way",
            hint="use the forge's https address; `medperf profile set forge_api https://...`",
        )


def words_of(text: str, token: str | None) -> str:
    """What a forge says, as one short line; the token is never in it."""
    return one_line(text.replace(token, "...") if token else text)[:_MOST_WORDS]
