"""What every adapter sees to before a token leaves: its form, and where it would go."""

from __future__ import annotations

import re

from medperf_cli.adapters.forge.address import ForgeAddress
from medperf_cli.errors import TokenError

AGENT = "medperf"
"""How the tool names itself to a forge."""
_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}\Z")


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
