"""The cloud's addresses (protocol.md 1), and the one that replaces them."""

import unittest

from custom_components.hypervolt_charger.hypervolt.endpoints import (
    OVERRIDE_VARIABLE,
    Endpoints,
)

CHARGER = "216454482408824951"
TOKEN_PATH = "/realms/retail-customers/protocol/openid-connect/token"


def overridden(base: str) -> Endpoints:
    return Endpoints.from_environment({OVERRIDE_VARIABLE: base})


def urls(endpoints: Endpoints) -> list[str]:
    return [
        endpoints.token,
        endpoints.chargers,
        endpoints.chargers_by_owner,
        endpoints.schedule(CHARGER),
        endpoints.sync(CHARGER),
        endpoints.session(CHARGER),
    ]


def urls_below(rest: str, sockets: str) -> list[str]:
    return [
        f"{rest}{TOKEN_PATH}",
        f"{rest}/users/me?includes=chargers",
        f"{rest}/charger/by-owner",
        f"{rest}/charger/by-id/{CHARGER}/schedule",
        f"{sockets}/ws/charger/{CHARGER}/sync",
        f"{sockets}/ws/charger/{CHARGER}/session/in-progress",
    ]


class EndpointsTests(unittest.TestCase):
    def test_production(self) -> None:
        for environment in (
            {},
            {OVERRIDE_VARIABLE: ""},
            {OVERRIDE_VARIABLE: "  "},
            {OVERRIDE_VARIABLE: "/"},
            {"HOME": "/root"},
        ):
            with self.subTest(environment=environment):
                endpoints = Endpoints.from_environment(environment)
                self.assertEqual(endpoints, Endpoints())
        self.assertEqual(
            urls(Endpoints()),
            [
                f"https://kc.prod.hypervolt.co.uk{TOKEN_PATH}",
                *urls_below("https://api.hypervolt.co.uk", "wss://api.hypervolt.co.uk")[
                    1:
                ],
            ],
        )

    def test_the_variable_s_name_is_a_promise(self) -> None:
        self.assertEqual(OVERRIDE_VARIABLE, "HYPERVOLT_CLOUD_URL")

    def test_one_base_serves_everything(self) -> None:
        for base, sockets in (
            ("http://127.0.0.1:8765", "ws://127.0.0.1:8765"),
            ("https://cloud.test", "wss://cloud.test"),
            ("http://[::1]:8765", "ws://[::1]:8765"),
            ("http://localhost/below/here", "ws://localhost/below/here"),
        ):
            for written in (base, f"{base}/", f" {base}// \n"):
                with self.subTest(written=written):
                    self.assertEqual(
                        urls(overridden(written)), urls_below(base, sockets)
                    )

    def test_what_is_no_web_address_is_refused(self) -> None:
        for base in (
            "nonsense",
            "127.0.0.1:8765",
            "ftp://127.0.0.1",
            "ws://127.0.0.1",
            "file:///etc/passwd",
            "http:",
            "http://",
            "https:///",
            "://127.0.0.1",
        ):
            with (
                self.subTest(base=base),
                self.assertRaisesRegex(ValueError, OVERRIDE_VARIABLE),
            ):
                overridden(base)


if __name__ == "__main__":
    unittest.main()
