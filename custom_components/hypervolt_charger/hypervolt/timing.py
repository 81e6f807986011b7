"""Every time limit and interval of the library, in seconds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The defaults are the design's fixed numbers; tests pass shorter ones."""

    # HTTP and sockets
    http_timeout: float = 15.0
    connect_timeout: float = 15.0
    login_timeout: float = 30.0  # first answers may be slow (F30)
    close_timeout: float = 2.0
    ping_interval: float = 20.0
    ping_timeout: float = 20.0

    # Tokens: renewed when less than this remains of their life
    token_margin: float = 450.0
    # No more than one renewal in this time, however short their life is
    renewal_pause: float = 30.0

    # Reconnecting: a random first wait, then growing, then constant
    backoff_first_min: float = 3.0
    backoff_first_max: float = 12.0
    backoff_growth: float = 1.7
    backoff_cap: float = 300.0
    # The least wait after the cloud refused the client as such (F29)
    blocked_pause: float = 900.0
    # Pushes after which a connection counts as good, and the wait starts over
    backoff_reset_messages: int = 3

    # How long set-up waits for the first answers of a slow charger (F30)
    first_answers: float = 10.0

    # Commands: all that one takes, one answer of the charger, between LED writes
    command_limit: float = 20.0
    command_timeout: float = 8.0
    command_retry_pause: float = 0.2
    led_interval: float = 3.0

    # Silence of live data that is a fault, and how long the asked-for sign may take
    silence: float = 90.0
    silence_answer: float = 10.0
    # A drop shorter than this is not shown
    outage_grace: float = 30.0
    # A car is gone only after this long without one (F13)
    unplug_hold: float = 30.0
    # A first report of the plug that comes so soon after connecting is no change of it
    plug_settles: float = 5.0
