"""Live readings that stay away are asked after, then their socket is replaced (F1)."""

import asyncio
from collections.abc import Callable
import unittest

from custom_components.hypervolt_charger.hypervolt.liveness import Liveness
from custom_components.hypervolt_charger.hypervolt.timing import Timing

SILENCE = 0.05
TIMING = Timing(silence=SILENCE, silence_answer=SILENCE, backoff_cap=SILENCE)


class Line:
    """What live readings come over; a test says what its questions bring."""

    def __init__(self, answer: Callable[[Liveness], None] = lambda _: None) -> None:
        self.asked = asyncio.Event()
        self.reconnected = asyncio.Event()
        self.told: list[bool] = []
        self.expected = True
        self._answer = answer
        self.liveness = Liveness(
            TIMING,
            expected=lambda: self.expected,
            ask=self._ask,
            reconnect=self.reconnected.set,
            changed=lambda: self.told.append(self.liveness.live),
        )

    async def _ask(self) -> None:
        self.asked.set()
        self._answer(self.liveness)


class LivenessTests(unittest.IsolatedAsyncioTestCase):
    def watch(self, line: Line) -> None:
        task = asyncio.create_task(line.liveness.watch())
        self.addCleanup(task.cancel)

    async def test_silence_is_asked_after_and_ended(self) -> None:
        line = Line()
        self.watch(line)
        await asyncio.wait_for(line.reconnected.wait(), 1)
        self.assertTrue(line.asked.is_set())
        self.assertFalse(line.liveness.live)
        line.liveness.heard()
        self.assertTrue(line.liveness.live)
        self.assertEqual(line.told, [False, True])

    async def test_a_reading_that_comes_when_asked_for_is_enough(self) -> None:
        line = Line(Liveness.heard)
        self.watch(line)
        await asyncio.wait_for(line.asked.wait(), 1)
        await asyncio.sleep(0)
        self.assertFalse(line.reconnected.is_set())
        self.assertTrue(line.liveness.live)
        self.assertEqual(line.told, [])

    async def test_before_the_first_reading_there_is_none_to_believe(self) -> None:
        line = Line()
        self.assertFalse(line.liveness.live)
        self.assertFalse(line.liveness.stalled)
        line.expected = False
        self.assertTrue(line.liveness.live)

    async def test_nothing_is_asked_where_nothing_should_come(self) -> None:
        line = Line()
        line.expected = False
        self.watch(line)
        await asyncio.sleep(3 * SILENCE)
        self.assertFalse(line.asked.is_set())
        line.liveness.doubt()
        self.assertTrue(line.liveness.live)

    async def test_it_goes_on_until_it_helps(self) -> None:
        line = Line()
        self.watch(line)
        for _ in range(3):
            await asyncio.wait_for(line.reconnected.wait(), 1)
            line.reconnected.clear()
        self.assertEqual(line.told, [False])

    async def test_sockets_that_come_and_go_do_not_keep_readings_alive(self) -> None:
        line = Line()
        self.watch(line)
        for _ in range(10):
            line.liveness.opened()
            await asyncio.sleep(SILENCE / 2)
        self.assertEqual(line.told, [False])
        self.assertFalse(line.reconnected.is_set())
        line.liveness.heard()
        self.assertEqual(line.told, [False, True])

    async def test_readings_are_doubted_until_one_comes(self) -> None:
        line = Line()
        line.liveness.doubt()
        line.liveness.doubt()
        self.assertEqual(line.told, [False])
        line.liveness.heard()
        self.assertEqual(line.told, [False, True])
