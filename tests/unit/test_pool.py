"""A pool grows when somebody would have to wait, and no further than it may."""

import threading
from itertools import count

from imagemachine.pool import Pool


def test_one_is_enough_as_long_as_nobody_waits() -> None:
    pool = Pool(0, count(1).__next__, 3)
    for _ in range(5):
        with pool.one() as item:
            assert item == pool.first


def test_more_are_made_for_those_who_wait_up_to_the_most() -> None:
    pool = Pool(0, count(1).__next__, 2)
    with pool.one() as first, pool.one() as second:
        assert (first, second) == (0, 1)
        third = threading.Thread(target=lambda: pool.one().__enter__())
        third.start()
        third.join(0.1)
        assert third.is_alive()
    third.join(5)
    assert not third.is_alive()


def test_nobody_waits_for_one_that_is_being_made_while_another_is_free() -> None:
    made = threading.Event()
    taken: list[str] = []

    def another() -> str:
        made.wait()
        return "another"

    def take() -> None:
        with pool.one() as item:
            taken.append(item)

    pool = Pool("first", another, 2)
    with pool.one():
        second = threading.Thread(target=take)
        second.start()
        second.join(0.1)
        assert second.is_alive()
    second.join(5)
    assert taken == ["first"]
    made.set()
