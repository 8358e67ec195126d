"""What vectorscan compiles when it is first needed: a search that cannot be made is an error, never an empty answer."""

from concurrent.futures import ThreadPoolExecutor

import hyperscan
import pytest

from sidecars.scanner.database import EVERY, FIRST, Database


def test_what_cannot_be_compiled_fails_each_time() -> None:
    """An answer of "nothing found" would let every request pass."""
    database = Database([b"("], FIRST)
    for _ in range(2):
        with pytest.raises(hyperscan.error):
            database.scan(b"anything", lambda *_: pytest.fail("nothing can be found"))


@pytest.mark.parametrize(("flag", "ends"), [(FIRST, [3]), (EVERY, [3, 7])])
def test_each_text_is_told_once_or_every_time(flag: int, ends: list[int]) -> None:
    found: list[int] = []
    Database([b"a.b"], flag).scan(b"a\nb a-b", lambda _number, _start, end, *_: found.append(end))
    assert found == ends


def test_threads_that_need_it_first_at_the_same_time_all_find() -> None:
    database = Database([b"needle"] * 50, FIRST, literal=True)

    def count(_: int) -> int:
        found: list[int] = []
        database.scan(b"a needle in hay", lambda number, *_: found.append(number))
        return len(found)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(count, range(64))) == {50}


def test_nothing_stands_in_nothing() -> None:
    found: list[int] = []
    Database([], FIRST).scan(b"content", lambda number, *_: found.append(number))
    Database([b"x"], FIRST).scan(b"", lambda number, *_: found.append(number))
    assert found == []
