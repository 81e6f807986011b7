"""Switches of the whole cloud for what protocol.md leaves open (13)."""

from dataclasses import dataclass
from typing import Literal

from .vocabulary import Confirm, LoginFailure


@dataclass(slots=True)
class CloudOptions:
    """May be changed at run time."""

    strict_user_agent: bool = True
    """Refuse clients without an own User-Agent (protocol.md 4, 5.1)."""
    confirm: Confirm = Confirm.BOTH
    """How the writer of a change learns of it (protocol.md 5.5)."""
    login_failure: LoginFailure = LoginFailure.ERROR
    """What a wrong token gets (protocol.md 5.3)."""
    replies_name_method: bool = False
    """Whether replies repeat the method, which the parser must bear (5.2 rule 9)."""
    relogin: Literal["accept", "refuse", "ignore"] = "accept"
    """What a second login on an open socket gets."""
    pushes_before_login: bool = False
    in_progress_requires_login: bool = False
    """Current clients send no login there (protocol.md 5.6)."""
    push_burst: int = 1
    """Session frames per push interval; bursts of 3 were seen (5.8)."""
    burst_gap: float = 1.35
