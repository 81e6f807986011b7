"""Frames out, frames in, and answers matched to requests (protocol.md 5.2, 5.7)."""

import json
import unittest

from custom_components.hypervolt_charger.hypervolt.protocol import (
    MAX_REMEMBERED_REQUESTS,
    Failure,
    JsonValue,
    Method,
    Push,
    Reply,
    SentRequests,
    decode,
    decode_session,
    encode,
    readable,
    redacted,
)

GARBAGE: tuple[str | bytes, ...] = (
    "",
    " ",
    "hello",
    "{",
    '{"id":"1","result":',
    "null",
    "true",
    "7",
    '"sync.snapshot"',
    "{}",
    "[]",
    '[{"method":"sync.apply","params":[]}]',
    '{"jsonrpc":"2.0"}',
    '{"id":"1"}',
    '{"id":"1","jsonrpc":"2.0","error":null}',
    '{"result":{"authenticated":true}}',
    '{"id":null,"result":1}',
    '{"id":["1"],"result":1}',
    '{"id":{"a":1},"result":1}',
    '{"method":null,"params":{}}',
    '{"method":7,"params":{}}',
    '{"method":["sync.apply"],"params":[]}',
    "\ufeff{}",
    b"",
    b"\x00\x01\x02",
    b"\xff\xfe\xfa",
    b"\xed\xa0\x80",
    b"\x89PNG\r\n\x1a\n",
    "[" * 100_000,
    '{"a":' * 100_000,
    "[" * 100_000 + "]" * 100_000,
    '{"id":"1","result":' + "[" * 100_000 + "]" * 100_000 + "}",
    '{"id":' + "1" * 100_000 + ',"result":1}',
    "1" * 100_000,
)


class EncodeTests(unittest.TestCase):
    def test_a_request_has_a_text_id_and_names_its_version(self) -> None:
        frame = json.loads(encode("7", Method.APPLY, {"is_locked": True}))
        self.assertEqual(
            frame,
            {
                "id": "7",
                "method": "sync.apply",
                "params": {"is_locked": True},
                "jsonrpc": "2.0",
            },
        )

    def test_a_request_without_params_has_no_such_member(self) -> None:
        self.assertEqual(
            encode("1", Method.SNAPSHOT),
            '{"id":"1","method":"sync.snapshot","jsonrpc":"2.0"}',
        )

    def test_empty_params_are_sent(self) -> None:
        self.assertEqual(json.loads(encode("1", "x", {}))["params"], {})

    def test_text_of_any_language_survives(self) -> None:
        frame = json.loads(encode("1", Method.NAME_SET, {"name": 'Æ "🚗" \n'}))
        self.assertEqual(frame["params"]["name"], 'Æ "🚗" \n')

    def test_what_json_cannot_say_is_refused(self) -> None:
        for value in (float("nan"), float("inf"), float("-inf")):
            with self.subTest(value=value), self.assertRaises(ValueError):
                encode("1", Method.APPLY, {"brightness": value})

    def test_the_caller_s_params_are_left_alone(self) -> None:
        params: dict[str, JsonValue] = {"leds": [{"r": 0.5}]}
        encode("1", Method.APPLY, params)
        self.assertEqual(params, {"leds": [{"r": 0.5}]})


class DecodeTests(unittest.TestCase):
    def test_a_reply_names_no_method(self) -> None:
        self.assertEqual(
            decode('{"id":"1","jsonrpc":"2.0","result":{"authenticated":true}}'),
            Reply("1", {"authenticated": True}),
        )

    def test_ids_are_text_whether_they_come_as_text_or_number(self) -> None:
        for wire, expected in (
            ('"4"', "4"),
            ("4", "4"),
            ("0", "0"),
            ("-4", "-4"),
            ("216454482408824951", "216454482408824951"),
            ('"1671841331.675049"', "1671841331.675049"),
            ('""', ""),
        ):
            with self.subTest(wire=wire):
                self.assertEqual(
                    decode(f'{{"jsonrpc":"2.0","id":{wire},"result":1}}'),
                    Reply(expected, 1),
                )

    def test_what_we_never_send_as_id_is_none(self) -> None:
        for wire in ("true", "false", "null", "1.5", "NaN", "1e999", "[]", "{}"):
            with self.subTest(wire=wire):
                self.assertIsNone(decode(f'{{"id":{wire},"result":1}}'))
                self.assertEqual(
                    decode(f'{{"id":{wire},"error":{{"code":1,"message":"no"}}}}'),
                    Failure(None, 1, "no"),
                )

    def test_the_version_may_be_absent_and_members_come_in_any_order(self) -> None:
        for wire in (
            '{"id":"2","result":[]}',
            '{"result":[],"id":"2"}',
            '{"jsonrpc":"2.0","result":[],"id":"2"}',
            '{"result":[],"jsonrpc":2,"id":"2","extra":{"x":1}}',
        ):
            with self.subTest(wire=wire):
                self.assertEqual(decode(wire), Reply("2", []))

    def test_results_of_every_kind(self) -> None:
        results: tuple[tuple[str, JsonValue], ...] = (
            ('[{"lock_state":"locked"}]', [{"lock_state": "locked"}]),
            ('{"applied":"boost"}', {"applied": "boost"}),
            ('"3951.0"', "3951.0"),
            ("1", 1),
            ("1.0", 1.0),
            ("true", True),
            ("null", None),
            ('""', ""),
        )
        for wire, result in results:
            with self.subTest(wire=wire):
                self.assertEqual(
                    decode(f'{{"id":"5","result":{wire}}}'), Reply("5", result)
                )

    def test_a_push_carries_a_method_and_no_id(self) -> None:
        self.assertEqual(
            decode('{"method":"sync.apply","params":[{"brightness":0.25}]}'),
            Push("sync.apply", [{"brightness": 0.25}]),
        )
        self.assertEqual(
            decode('{"jsonrpc":"2.0","params":{"a":1},"method":"get.moon_phase"}'),
            Push("get.moon_phase", {"a": 1}),
        )

    def test_a_push_may_lack_params(self) -> None:
        self.assertEqual(decode('{"method":"flex.status"}'), Push("flex.status", None))

    def test_both_shapes_of_an_error(self) -> None:
        self.assertEqual(
            decode(
                '{"jsonrpc":"2.0","id":"1671841331.675049","error":{"code":409,"error":'
                '"Concurrent modifications invalidated this request","data":null}}'
            ),
            Failure(
                "1671841331.675049",
                409,
                "Concurrent modifications invalidated this request",
            ),
        )
        self.assertEqual(
            decode(
                '{"jsonrpc":"2.0","id":"3","error":{"code":-32601,'
                '"message":"schedules.get not allowed"}}'
            ),
            Failure("3", -32601, "schedules.get not allowed"),
        )

    def test_an_error_without_id(self) -> None:
        self.assertEqual(
            decode(
                '{"jsonrpc":"2.0","error":{"code":-32603,'
                '"message":"schedule.set failed: internal server error"}}'
            ),
            Failure(None, -32603, "schedule.set failed: internal server error"),
        )

    def test_an_error_that_is_no_object(self) -> None:
        for wire, message in (
            ('"not allowed"', "not allowed"),
            ('""', "no reason given"),
            ("409", "no reason given"),
            ("false", "no reason given"),
            ('["no"]', "no reason given"),
        ):
            with self.subTest(wire=wire):
                self.assertEqual(
                    decode(f'{{"id":"3","error":{wire}}}'), Failure("3", None, message)
                )

    def test_an_error_without_reason_or_with_an_odd_code(self) -> None:
        for wire, code in (
            ("{}", None),
            ('{"code":"409"}', None),
            ('{"code":5,"message":null}', 5),
            ('{"code":5,"message":["x"]}', 5),
        ):
            with self.subTest(wire=wire):
                failure = decode(f'{{"id":"3","error":{wire}}}')
                self.assertEqual(failure, Failure("3", code, "no reason given"))

    def test_an_error_wins_over_a_result_and_null_is_none(self) -> None:
        self.assertEqual(
            decode('{"id":"3","result":[],"error":{"code":1,"message":"no"}}'),
            Failure("3", 1, "no"),
        )
        self.assertEqual(decode('{"id":"3","result":[],"error":null}'), Reply("3", []))

    def test_of_a_repeated_member_the_last_counts(self) -> None:
        self.assertEqual(
            decode('{"id":"1","id":"2","result":1,"result":2}'), Reply("2", 2)
        )

    def test_odd_numbers_and_lone_surrogates_do_no_harm(self) -> None:
        digits = "9" * 4000
        self.assertEqual(
            decode(f'{{"id":"1","result":{digits}}}'), Reply("1", int(digits))
        )
        self.assertEqual(
            decode('{"id":"\\ud800","result":"\\udfff"}'), Reply("\ud800", "\udfff")
        )
        self.assertIsInstance(decode('{"id":"1","result":NaN}'), Reply)
        self.assertIsInstance(decode('{"id":"1","result":-Infinity}'), Reply)

    def test_text_may_come_as_bytes(self) -> None:
        self.assertEqual(decode(b'{"id":"1","result":"\xc3\xa9"}'), Reply("1", "é"))

    def test_garbage_is_nothing(self) -> None:
        for frame in GARBAGE:
            with self.subTest(frame=frame[:40]):
                self.assertIsNone(decode(frame))
                self.assertIsNone(decode_session(frame))

    def test_no_depth_raises(self) -> None:
        for depth in (10, 100, *range(300, 1100, 50), 3000, 10_000, 60_000, 100_000):
            nested = "[" * depth + "]" * depth
            with self.subTest(depth=depth):
                decode(f'{{"id":"1","error":{nested}}}')
                decode(f'{{"id":"1","error":{{"message":{nested}}}}}')
                decode(f'{{"id":"1","result":{nested}}}')
                decode_session(f'{{"charging":{nested}}}')


class DecodeSessionTests(unittest.TestCase):
    def test_bare_session_data_is_read_as_the_push_of_the_sync_socket(self) -> None:
        frame = (
            '{"charging":false,"session":240,"milli_amps":32000,"true_milli_amps":0,'
            '"watt_hours":2371,"ccy_spent":34,"carbon_saved_grams":1036,'
            '"ct_current":0,"ct_power":0,"voltage":0}'
        )
        self.assertEqual(decode_session(frame), Push(Method.SESSION, json.loads(frame)))

    def test_an_envelope_is_accepted_too(self) -> None:
        self.assertEqual(
            decode_session('{"method":"get.session","params":{"charging":true}}'),
            Push("get.session", {"charging": True}),
        )

    def test_what_is_neither_is_nothing(self) -> None:
        self.assertIsNone(decode_session('{"watt_hours":1}'))


class SentRequestsTests(unittest.IsolatedAsyncioTestCase):
    async def test_an_answer_reaches_who_asked(self) -> None:
        sent = SentRequests()
        first = sent.remember("1", Method.SNAPSHOT)
        second = sent.remember("2", Method.NAME_GET)
        self.assertTrue(sent.resolve(Reply("2", "Driveway")))
        self.assertEqual(second.result(), Reply("2", "Driveway"))
        self.assertFalse(first.done())
        self.assertEqual(sent.awaited(), [first])

    async def test_a_refusal_is_an_answer(self) -> None:
        sent = SentRequests()
        answer = sent.remember("1", Method.SCHEDULES_GET)
        failure = Failure("1", -32601, "schedules.get not allowed")
        self.assertTrue(sent.resolve(failure))
        self.assertEqual(answer.result(), failure)

    async def test_a_reply_is_known_by_the_method_it_answers(self) -> None:
        sent = SentRequests()
        sent.remember("1", Method.NAME_GET)
        self.assertEqual(sent.method_of(Reply("1", "x")), Method.NAME_GET)
        self.assertIsNone(sent.method_of(Reply("2", "x")))

    async def test_a_late_or_repeated_answer_is_still_understood(self) -> None:
        sent = SentRequests()
        answer = sent.remember("1", Method.NAME_GET)
        self.assertTrue(sent.resolve(Reply("1", "a")))
        self.assertFalse(sent.resolve(Reply("1", "b")))
        self.assertEqual(answer.result(), Reply("1", "a"))
        self.assertEqual(sent.method_of(Reply("1", "b")), Method.NAME_GET)

        given_up = sent.remember("2", Method.FIRMWARE_VERSION)
        given_up.cancel()
        self.assertFalse(sent.resolve(Reply("2", "1.0")))
        self.assertEqual(sent.method_of(Reply("2", "1.0")), Method.FIRMWARE_VERSION)

    async def test_an_answer_to_nothing_is_nobody_s(self) -> None:
        sent = SentRequests()
        answer = sent.remember("1", Method.NAME_GET)
        self.assertFalse(sent.resolve(Reply("99", 1)))
        self.assertFalse(sent.resolve(Failure("99", 1, "get.name failed")))
        self.assertFalse(answer.done())

    async def test_an_error_without_id_goes_to_the_open_request_it_names(self) -> None:
        sent = SentRequests()
        name = sent.remember("1", Method.NAME_GET)
        schedule = sent.remember("2", Method.SCHEDULE_SET)
        failure = Failure(None, -32603, "schedule.set failed: internal server error")
        self.assertTrue(sent.resolve(failure))
        self.assertEqual(schedule.result(), failure)
        self.assertFalse(name.done())
        # Nobody is left whom a second one could mean.
        self.assertFalse(sent.resolve(failure))

    async def test_an_error_without_id_that_names_nothing_is_nobody_s(self) -> None:
        sent = SentRequests()
        answer = sent.remember("1", Method.SCHEDULE_SET)
        self.assertFalse(sent.resolve(Failure(None, -32603, "internal server error")))
        self.assertFalse(sent.resolve(Failure(None, 1, "schedules.get not allowed")))
        self.assertFalse(answer.done())

    async def test_of_equal_requests_the_oldest_open_one_is_blamed(self) -> None:
        sent = SentRequests()
        first = sent.remember("1", Method.APPLY)
        second = sent.remember("2", Method.APPLY)
        sent.resolve(Failure(None, -32603, "sync.apply failed"))
        self.assertTrue(first.done())
        self.assertFalse(second.done())

    async def test_no_more_than_twenty_are_remembered(self) -> None:
        self.assertEqual(MAX_REMEMBERED_REQUESTS, 20)
        sent = SentRequests()
        answers = [sent.remember(str(n), Method.SNAPSHOT) for n in range(21)]
        self.assertEqual(len(sent), 20)
        self.assertTrue(answers[0].cancelled())
        self.assertFalse(any(answer.done() for answer in answers[1:]))
        self.assertIsNone(sent.method_of(Reply("0", [])))
        self.assertFalse(sent.resolve(Reply("0", [])))
        self.assertTrue(sent.resolve(Reply("1", [])))

    async def test_the_end_of_a_socket_releases_everybody(self) -> None:
        sent = SentRequests()
        answered = sent.remember("1", Method.NAME_GET)
        sent.resolve(Reply("1", "x"))
        waiting = [sent.remember(str(n), Method.SNAPSHOT) for n in (2, 3)]
        sent.abandon()
        self.assertTrue(all(answer.cancelled() for answer in waiting))
        self.assertEqual(answered.result(), Reply("1", "x"))
        self.assertEqual(sent.awaited(), [])


class ReadableTests(unittest.TestCase):
    def test_only_text_that_can_be_stored_gets_in(self) -> None:
        self.assertEqual(readable("Driveway \N{AUTOMOBILE}"), "Driveway \N{AUTOMOBILE}")
        self.assertEqual(readable("half \ud83d"), "half ?")
        self.assertEqual(readable("x" * 10_000), "x" * 255)

    def test_a_refusal_gives_a_reason_that_can_be_shown(self) -> None:
        text = '{"id":"1","error":{"code":409,"error":"\\ud800' + " x" * 5_000 + '"}}'
        failure = decode(text)
        self.assertEqual(failure, Failure("1", 409, "?" + " x" * 127))

    def test_a_secret_is_cut_out_before_the_text_is_shortened(self) -> None:
        token = "eyJhbGciOiJSUzI1NiJ9." + "aZ0-_" * 100 + ".c2lnbmF0dXJl"
        for secret in (
            token,
            f"{token}==",
            "driver@example.com",
            "driver+ev@example.com",
            "driver%40example.com",
            "12345678901234567",
        ):
            for before in ("", "token=", '{"value": "', "x " * 120):
                with self.subTest(secret=secret[:20], before=before[:8]):
                    shown = readable(redacted(f"{before}{secret} is not valid"))
                    for start in range(len(secret) - 8):
                        self.assertNotIn(secret[start : start + 9], shown)

    def test_words_are_shown(self) -> None:
        for text in ("schedules.get not allowed", "code 409: retry in 30 s", "v1.2"):
            self.assertEqual(redacted(text), text)


if __name__ == "__main__":
    unittest.main()
