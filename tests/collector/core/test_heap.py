"""What a burst has left free between what is used goes back to the system."""

import subprocess
import sys

_BURST = """
import asyncio, threading
from collector.core import heap

kept = []

def burst():
    made = [bytes(3000) for _ in range(30_000)]
    kept.extend(made[::50])  # the heap is full of holes, and its end is in use

async def small_again(limit):
    keeping = asyncio.create_task(heap.keep_small(every_s=0.01))
    while heap.resident() > limit and not keeping.done():
        await asyncio.sleep(0.01)
    keeping.cancel()

before = heap.resident()
for _ in range(3):
    one = threading.Thread(target=burst)
    one.start()
    one.join()
grown = heap.resident() - before
asyncio.run(asyncio.wait_for(small_again(before + grown // 2), 60))
print(grown, heap.resident() - before)
"""


def test_a_burst_leaves_little_behind() -> None:
    said = subprocess.run([sys.executable, "-c", _BURST], capture_output=True, text=True, check=True)
    grown, left = map(int, said.stdout.split())
    assert grown > 40 * 2**20
    assert left <= grown / 2
