"""The keys of members: where each was first admitted, whether it still signs, and what it signed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from medperf_cli.core.names import Kind
from medperf_cli.core.ssh_keys import parse_public_key
from site_generator.fate import took_effect
from site_generator.records import Entity, Records


@dataclass(frozen=True)
class SigningKey:
    """One key of a member; `admission` is the first version that names it and counts (or counted)."""

    member: str
    fingerprint: str
    label: str
    admission: Entity
    revoked: Mapping[str, str] | None
    signed: int


class Keys:
    """All keys ever admitted, by member and fingerprint."""

    def __init__(self, records: Records) -> None:
        signed = Counter((e["signer"], e["fingerprint"]) for e in records.entities)
        self._known: dict[tuple[str, str], SigningKey] = {}
        for version in sorted(records.kind(Kind.MEMBER), key=lambda e: (e["id"], e["version"])):
            if not took_effect(version):
                continue
            for key in version["document"]["keys"]:
                place = version["id"], parse_public_key(key["key"]).fingerprint
                before = self._known.get(place)
                admission = before.admission if before else version
                revoked = key.get("revoked")
                self._known[place] = SigningKey(*place, key["label"], admission, revoked, signed[place])
        self._by_member: dict[str, list[SigningKey]] = {}
        for (member, _), key in self._known.items():
            self._by_member.setdefault(member, []).append(key)

    def of(self, member: str) -> list[SigningKey]:
        """A member's keys, in the order in which they were admitted."""
        return self._by_member.get(member, [])

    def signer(self, entity: Entity) -> SigningKey | None:
        """The key that signed; None for what admins sign as the root names them."""
        return self._known.get((entity["signer"] or "", entity["fingerprint"]))

    def distrusted(self, entity: Entity) -> SigningKey | None:
        """The key that signed, if its owner said since that it was compromised."""
        key = self.signer(entity)
        return key if key and key.revoked and key.revoked["reason"] == "compromised" else None
