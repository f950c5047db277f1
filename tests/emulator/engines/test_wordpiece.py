import pytest

from inworld_embeddings_emulator.engines.wordpiece import pieces, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, World!", ["hello", ",", "world", "!"]),
        ("don't  $5+3=8", ["don", "'", "t", "$", "5", "+", "3", "=", "8"]),
        ("Café Ünïcode Åse", ["cafe", "unicode", "ase"]),
        ("e\u0301te\u0301", ["ete"]),
        ("İstanbul Λ\u03a3", ["istanbul", "λ\u03c3"]),
        ("東京タワー", ["東", "京", "タワー"]),
        ("a\x00b\u200bc\u00add", ["abcd"]),
        ("a\tb\nc\u00a0d\u2028e", ["a", "b", "c", "d", "e"]),
        ("hi\U0001f600\ufe0f", ["hi\U0001f600"]),
        ("\ud800 x", ["x"]),
        ("\u1c89\U00010d50", ["\u1c89\U00010d50"]),  # new in Unicode 16: every Python leaves them alone
        ("한글", ["\u1112\u1161\u11ab\u1100\u1173\u11af"]),
        ("", []),
    ],
)
def test_words_are_folded_and_split_as_bert_does(text, expected):
    assert words(text) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("embedding", ["em", "##bed", "##ding"]),
        ("bed", ["bed"]),
        ("beds", []),
        ("", []),
        ("a" * 100, ["a"] + ["##a"] * 99),
        ("a" * 101, []),
    ],
)
def test_the_longest_piece_wins_and_a_missing_one_spoils_the_word(word, expected):
    known = {"e", "em", "bed", "##bed", "##ding", "##d", "a", "##a"}
    assert list(pieces(word, known.__contains__)) == expected
