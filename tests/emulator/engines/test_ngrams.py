from inworld_embeddings_emulator.engines import lanes, ngrams


def values(packed: int) -> tuple[int, ...]:
    return lanes.unpack(packed, ngrams.LANES)


def cosine(one: str, other: str) -> float:
    first, second = values(ngrams.word(one)), values(ngrams.word(other))
    length = (sum(a * a for a in first) * sum(b * b for b in second)) ** 0.5
    return sum(a * b for a, b in zip(first, second, strict=True)) / length


def test_words_of_any_length_are_equally_long():
    for text in ["", "a", "東", "cat", "embedding", "z" * 300, "\ud800"]:
        length = sum(value * value for value in values(ngrams.word(text))) ** 0.5
        assert abs(length - ngrams.LENGTH) < 5, text


def test_a_typo_stays_near_and_another_word_does_not():
    assert cosine("kowalczyk", "kowalcyzk") > 0.35
    assert abs(cosine("kowalczyk", "marmalade")) < 0.2


def test_a_pair_has_one_lane_and_an_order():
    assert [abs(value) for value in values(ngrams.pair("new", "york")) if value] == [ngrams.LENGTH // 2]
    assert ngrams.pair("new", "york") != ngrams.pair("york", "new")
