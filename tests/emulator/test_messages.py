from inworld_embeddings_emulator.messages import Reply, Request, joined_headers


def test_nothing_that_may_hold_a_text_or_a_key_is_in_a_repr():
    request = Request("POST", "/private", {"authorization": "Basic private"}, b"private")
    assert "private" not in repr(request) + repr(Reply(200, (("a", "private"),), b"private"))


def test_repeated_headers_are_joined_under_their_lower_case_name():
    assert joined_headers([("X-A", " 1 "), ("x-a", "2"), ("B", "3")]) == {"x-a": "1, 2", "b": "3"}
