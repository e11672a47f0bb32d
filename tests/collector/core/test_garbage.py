"""What a serving process has made when it begins is never looked through for garbage again."""

import subprocess
import sys

_LOOK = """
import gc
kept = [[] for _ in range(1000)]
from collector.core import garbage
garbage.settle()
print(any(one is each for one in gc.get_objects() for each in kept[:1]), gc.get_threshold()[0] > 10_000, gc.isenabled())
"""


def test_what_is_there_is_left_alone_and_the_rest_is_looked_through_seldom() -> None:
    said = subprocess.run([sys.executable, "-c", _LOOK], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["False", "True", "True"]
