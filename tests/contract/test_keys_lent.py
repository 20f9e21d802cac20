"""A recorder's key that comes as text signs, and leaves nothing behind."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from medperf_cli.adapters.keys.lent import lent_key
from medperf_cli.core import sshsig
from medperf_cli.errors import ConfigurationError
from tests.support.keys import member_key
from tests.support.office import key_file


@pytest.mark.parametrize("spoilt", [str, str.strip, lambda text: text.replace("\n", "\r\n")])
def test_the_text_of_a_key_signs_and_its_file_is_gone_afterwards(tmp_path: Path, spoilt: object) -> None:
    assert callable(spoilt)
    text = spoilt(key_file(tmp_path / "key", "recorder").read_text())
    with lent_key(text) as signer:
        assert signer.public_key == member_key("recorder").public_key
        armor = signer.sign(b"payload", "recorded.v1@test")
        assert sshsig.verify(b"payload", armor, "recorded.v1@test") == signer.public_key
        assert stat.S_IMODE(signer.key_file.stat().st_mode) == 0o600
        assert stat.S_IMODE(signer.key_file.parent.stat().st_mode) == 0o700
    assert not signer.key_file.parent.exists()


def test_what_is_no_key_is_refused_without_being_repeated() -> None:
    with lent_key("hunter2 is no key") as signer, pytest.raises(ConfigurationError) as caught:
        signer.sign(b"payload", "recorded.v1@test")
    assert "hunter2" not in str(caught.value) + caught.value.hint
