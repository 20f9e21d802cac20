"""What every source of signatures offers."""

from __future__ import annotations

from typing import Protocol

from medperf_cli.core.sshsig import PublicKey


class Signer(Protocol):
    """Signs with one private key, wherever that key lives."""

    @property
    def public_key(self) -> PublicKey:
        """The public half of the key (raises ConfigurationError where it cannot be read)."""

    def sign(self, payload: bytes, namespace: str) -> bytes:
        """Return an SSHSIG signature over `payload`, armoured as `ssh-keygen` does it.

        Args:
            payload: the bytes of the file that is signed.
            namespace: what the signature is made for; see `EntityPath.namespace`.

        Raises:
            ConfigurationError: the key or the tool cannot sign, saying what to do.

        """
