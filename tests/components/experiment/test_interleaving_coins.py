"""Which coins a search meets: the same all day, everywhere, and free of every other draw."""

from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest

from components.experiment.assignment import arm, user_hash
from components.experiment.interleaving_coins import Search, draw_coins, draw_pair_coins, interleaving_salt

SEARCH = Search(user_hash("secret", "anna"), "red shoes", "us", "brand=acme", "2026-01-05")
SALT = interleaving_salt("e1")
SEARCHES = [replace(SEARCH, user_hash=user_hash("secret", f"u{number}")) for number in range(4000)]


def test_coins_are_bits_of_a_documented_hash():
    text = f"e1/interleaving\n{SEARCH.user_hash.hex()}\nred shoes\nus\nbrand=acme\n2026-01-05\n0"
    bits = f"{int.from_bytes(sha256(text.encode()).digest()):0256b}"
    assert "".join(str(int(coin)) for coin in draw_coins(SALT, SEARCH, 256)) == bits


def test_more_coins_begin_with_the_same_ones():
    many = draw_coins(SALT, SEARCH, 600)
    assert len(many) == 600 and (many[:7] == draw_coins(SALT, SEARCH, 7)).all()
    assert not (many[:256] == many[256:512]).all()


@pytest.mark.parametrize("query", ["Red  Shoes ", "\tRED\nSHOES", "red\u00a0shoes", "ｒｅｄ shoes"])
def test_case_and_blanks_of_queries_change_nothing(query):
    assert (draw_coins(SALT, replace(SEARCH, query=query), 64) == draw_coins(SALT, SEARCH, 64)).all()


@pytest.mark.parametrize(
    "change",
    [
        {"user_hash": user_hash("secret", "ben")},
        {"query": "red shoe s"},
        {"locale": "de"},
        {"filters": "brand=other"},
        {"day": "2026-01-06"},
        {"query": "red shoes us", "locale": ""},
    ],
)
def test_each_part_of_a_search_counts(change):
    assert not (draw_coins(SALT, replace(SEARCH, **change), 64) == draw_coins(SALT, SEARCH, 64)).all()


def test_another_salt_tosses_other_coins():
    assert not (draw_coins(interleaving_salt("e2"), SEARCH, 64) == draw_coins(SALT, SEARCH, 64)).all()


def test_coins_of_many_searches_are_each_search_s():
    pairs = np.array([0, 3, 255, 256, 511, 512])
    coins = draw_pair_coins(SALT, SEARCHES[:6], pairs)
    assert list(coins) == [draw_coins(SALT, SEARCHES[row], pair + 1)[pair] for row, pair in enumerate(pairs)]
    assert len(draw_pair_coins(SALT, [], np.array([], int))) == 0


def test_coins_are_fair_and_unrelated():
    coins = np.array([draw_coins(SALT, search, 2) for search in SEARCHES])
    treated = np.array([arm(search.user_hash, "e1", 0.5) == "treatment" for search in SEARCHES])
    deviation = np.sqrt(len(SEARCHES)) / 2
    assert abs(coins[:, 0].sum() - 2000) < 4 * deviation
    assert abs((coins[:, 0] == coins[:, 1]).sum() - 2000) < 4 * deviation
    assert abs((coins[:, 0] == treated).sum() - 2000) < 4 * deviation
