"""LED writes at a pace the charger bears (protocol.md 9)."""

import asyncio
from collections.abc import Mapping
import time
import unittest

from custom_components.hypervolt_charger.hypervolt.errors import Cause, CommandTimeout
from custom_components.hypervolt_charger.hypervolt.led_writer import LedWriter
from custom_components.hypervolt_charger.hypervolt.protocol import JsonValue

INTERVAL = 0.1


class Strip:
    """Takes what is written to it, and notes when."""

    def __init__(self) -> None:
        self.written: list[dict[str, JsonValue]] = []
        self.times: list[float] = []
        self.error: Exception | None = None

    async def write(self, settings: Mapping[str, JsonValue]) -> None:
        self.written.append(dict(settings))
        self.times.append(time.monotonic())
        if self.error is not None:
            raise self.error


class LedWriterTests(unittest.IsolatedAsyncioTestCase):
    async def test_the_first_is_written_at_once(self) -> None:
        strip = Strip()
        leds = LedWriter(strip.write, INTERVAL)
        before = time.monotonic()
        await leds.set({"brightness": 1.0})
        self.assertEqual(strip.written, [{"brightness": 1.0}])
        self.assertLess(time.monotonic() - before, INTERVAL / 2)

    async def test_the_rest_is_merged_and_later_wins(self) -> None:
        strip = Strip()
        leds = LedWriter(strip.write, INTERVAL)
        await leds.set({"brightness": 1.0})
        await asyncio.gather(
            leds.set({"brightness": 0.25, "effect_name": "none"}),
            leds.set({"brightness": 0.5}),
            leds.set({"effect_name": "halloween"}),
        )
        self.assertEqual(
            strip.written,
            [{"brightness": 1.0}, {"brightness": 0.5, "effect_name": "halloween"}],
        )

    async def test_writes_keep_their_distance(self) -> None:
        strip = Strip()
        leds = LedWriter(strip.write, INTERVAL)
        for step in range(4):
            await leds.set({"brightness": step / 4})
        gaps = [b - a for a, b in zip(strip.times, strip.times[1:], strict=False)]
        self.assertEqual(len(gaps), 3)
        self.assertGreater(min(gaps), INTERVAL * 0.9)

    async def test_after_a_pause_the_next_is_at_once_again(self) -> None:
        strip = Strip()
        leds = LedWriter(strip.write, INTERVAL)
        await leds.set({"brightness": 1.0})
        await asyncio.sleep(INTERVAL)
        before = time.monotonic()
        await leds.set({"brightness": 0.0})
        self.assertLess(time.monotonic() - before, INTERVAL / 2)

    async def test_what_comes_during_a_write_is_the_next_batch(self) -> None:
        strip = Strip()
        release = asyncio.Event()

        async def slow(settings: Mapping[str, JsonValue]) -> None:
            await strip.write(settings)
            await release.wait()

        leds = LedWriter(slow, 0.01)
        first = asyncio.create_task(leds.set({"brightness": 1.0}))
        await asyncio.sleep(0.01)
        second = asyncio.create_task(leds.set({"brightness": 0.5}))
        await asyncio.sleep(0)
        release.set()
        await asyncio.gather(first, second)
        self.assertEqual(strip.written, [{"brightness": 1.0}, {"brightness": 0.5}])

    async def test_everybody_learns_of_the_failure(self) -> None:
        strip = Strip()
        leds = LedWriter(strip.write, INTERVAL)
        await leds.set({"brightness": 1.0})
        strip.error = CommandTimeout("set_leds", Cause.NOT_CONFIRMED)
        results = await asyncio.gather(
            leds.set({"brightness": 0.5}),
            leds.set({"effect_name": "none"}),
            return_exceptions=True,
        )
        self.assertEqual(results, [strip.error, strip.error])

    async def test_a_failure_is_over_with_its_batch(self) -> None:
        strip = Strip()
        leds = LedWriter(strip.write, INTERVAL)
        strip.error = CommandTimeout("set_leds", Cause.NOT_CONFIRMED)
        with self.assertRaises(CommandTimeout):
            await leds.set({"brightness": 0.5, "effect_name": "none"})
        strip.error = None
        await leds.set({"brightness": 1.0})
        self.assertEqual(strip.written[-1], {"brightness": 1.0})

    async def test_who_gives_up_does_not_cancel_the_others(self) -> None:
        strip = Strip()
        leds = LedWriter(strip.write, INTERVAL)
        await leds.set({"brightness": 1.0})
        impatient = asyncio.create_task(leds.set({"brightness": 0.5}))
        patient = asyncio.create_task(leds.set({"effect_name": "none"}))
        await asyncio.sleep(0)
        impatient.cancel()
        await patient
        self.assertTrue(impatient.cancelled())
        self.assertEqual(
            strip.written[1:], [{"brightness": 0.5, "effect_name": "none"}]
        )

    async def test_the_caller_s_settings_are_its_own(self) -> None:
        strip = Strip()
        leds = LedWriter(strip.write, INTERVAL)
        settings: dict[str, JsonValue] = {"brightness": 1.0}
        await leds.set(settings)
        waiting = asyncio.create_task(leds.set(settings))
        await asyncio.sleep(0)
        settings["brightness"] = 0.0
        await waiting
        self.assertEqual(strip.written, [{"brightness": 1.0}] * 2)

    async def test_stop_drops_what_waits(self) -> None:
        strip = Strip()
        leds = LedWriter(strip.write, INTERVAL)
        await leds.set({"brightness": 1.0})
        waiting = asyncio.create_task(leds.set({"brightness": 0.5}))
        await asyncio.sleep(0)
        await leds.stop()
        await asyncio.wait([waiting], timeout=1)
        self.assertTrue(waiting.done())
        await asyncio.sleep(INTERVAL * 1.5)
        self.assertEqual(strip.written, [{"brightness": 1.0}])

    async def test_stop_ends_a_write_under_way(self) -> None:
        ended = asyncio.Event()

        async def endless(_: Mapping[str, JsonValue]) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        leds = LedWriter(endless, INTERVAL)
        before = asyncio.all_tasks()
        caller = asyncio.create_task(leds.set({"brightness": 1.0}))
        await asyncio.sleep(0.01)
        await leds.stop()
        left = asyncio.all_tasks() - before - {caller}
        try:
            self.assertTrue(ended.is_set())
            self.assertEqual(left, set())
        finally:
            for task in (*left, caller):
                task.cancel()
            await asyncio.gather(*left, caller, return_exceptions=True)

    async def test_stop_without_anything_to_stop(self) -> None:
        strip = Strip()
        leds = LedWriter(strip.write, INTERVAL)
        await leds.stop()
        await leds.set({"brightness": 1.0})
        await leds.stop()
        self.assertEqual(strip.written, [{"brightness": 1.0}])


if __name__ == "__main__":
    unittest.main()
