import pytest

from inworld_embeddings_emulator.request_json import EmbedMessage, parse
from inworld_embeddings_emulator.rpc_status import RpcError


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        (b'{"inputs":[{"text":"a"},{"text":"b"}]}', ("a", "b")),
        (b' \r\n\t{"inputs" : [ {"text":"a"} ]} ', ("a",)),
        (b'{"inputs":[{}, {"text":null}, {"text":""}]}', ("", "", "")),
        (
            b'{"inputs":[{"text":"a","lang":"en","more":{"x":[1,2,{"x":1,"x":2}]}}],"new":{"y":NULL}}'.replace(
                b"NULL", b"null"
            ),
            ("a",),
        ),
        (b'{"x":1,"x":2,"inputs":[{"text":"a"}]}', ("a",)),
        (b'{"inputs":[{"text":"a"}]} trailing words', ("a",)),
        ('{"inputs":[{"text":"日本語 😀"}]}'.encode(), ("日本語 😀",)),
        (rb'{"inputs":[{"text":"\ud83d\ude00 \u0000 \\ud800"}]}', ("😀 \x00 \\ud800",)),
        (b'{"inputs":[{"text":"a"}],"new":' + b"9" * 5000 + b"}", ("a",)),
        (b'{"inputs":[{"text":"a"}],"new":1e999}', ("a",)),
        (b'{"inputs":[],"Inputs":3,"INPUTS":4}', ()),
    ],
)
def test_texts(body, texts):
    assert parse(body).texts == texts


@pytest.mark.parametrize(
    ("model", "name", "provider"),
    [
        ('{"model":"m","serviceProvider":"SERVICE_PROVIDER_INWORLD"}', "m", 1),
        ('{"model":"m","service_provider":"SERVICE_PROVIDER_OPENAI"}', "m", 2),
        ('{"model":"m","serviceProvider":"SERVICE_PROVIDER_UNSPECIFIED"}', "m", 0),
        ('{"model":"m","serviceProvider":"OPENAI"}', "m", 0),
        ('{"model":"m","serviceProvider":"2"}', "m", 0),
        ('{"model":"m","serviceProvider":2}', "m", 2),
        ('{"model":"m","serviceProvider":2.0}', "m", 2),
        ('{"model":"m","serviceProvider":20e-1}', "m", 2),
        ('{"model":"m","serviceProvider":-7}', "m", -7),
        ('{"model":"m","serviceProvider":null}', "m", 0),
        ('{"model":null}', "", 0),
        ("{}", "", 0),
        ("null", "", 0),
    ],
)
def test_model(model, name, provider):
    assert parse(f'{{"model":{model}}}'.encode()) == EmbedMessage((), name, provider)


@pytest.mark.parametrize(
    "body",
    [
        b"not json",
        b"{",
        b'{"inputs":[{"text":"a"}',
        b'{"inputs":[{"text":"a"},]}',
        b'{"inputs":[{"text":"a\nb"}]}',
        b"{'inputs':[]}",
        b'{"inputs":[],"x":NaN}',
        b'{"inputs":[],"x":-Infinity}',
        b'{"inputs":[],"x":01}',
        b'\xef\xbb\xbf{"inputs":[]}',
        b'{"inputs":[{"text":"\xff"}]}',
        b'{"inputs":[{"text":"\xed\xa0\x80"}]}',
        rb'{"inputs":[{"text":"\ud800"}]}',
        rb'{"inputs":[{"text":"\udc00\ud800"}]}',
        rb'{"inputs":[],"new":{"\ud800":1}}',
        '{"inputs":[]}'.encode("utf-16"),
        b"[]",
        b"null",
        b'"text"',
        b"3",
        b"true",
        b'{"inputs":{}}',
        b'{"inputs":"text"}',
        b'{"inputs":["text"]}',
        b'{"inputs":[null]}',
        b'{"inputs":[[]]}',
        b'{"inputs":[{"text":1}]}',
        b'{"inputs":[{"text":true}]}',
        b'{"inputs":[{"text":{}}]}',
        b'{"inputs":[],"inputs":[]}',
        b'{"inputs":null,"inputs":[]}',
        b'{"inputs":[{"text":"a","text":"b"}]}',
        b'{"model":"m"}',
        b'{"model":[]}',
        b'{"model":{"model":1}}',
        b'{"model":{"serviceProvider":1,"service_provider":1}}',
        b'{"model":{"serviceProvider":1.5}}',
        b'{"model":{"serviceProvider":2147483648}}',
        b'{"model":{"serviceProvider":1e999}}',
        b'{"model":{"serviceProvider":true}}',
        b'{"model":{"serviceProvider":[]}}',
        b'{"x":' + b"[" * 200_000,
        b'{"x":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    ],
    ids=lambda body: repr(body[:40]),
)
def test_refused(body):
    with pytest.raises(RpcError) as caught:
        parse(body)
    assert caught.value.code == 3
    assert caught.value.message.startswith("proto: ")


@pytest.mark.parametrize(
    "body",
    [
        b'{"inputs":["private"]}',
        b'{"inputs":"private"}',
        b'{"inputs":[{"text":"private',
        rb'{"inputs":[{"text":"private\ud800"}]}',
        b'{"inputs":[{"text":["private"]}]}',
    ],
)
def test_messages_never_echo_a_text(body):
    with pytest.raises(RpcError) as caught:
        parse(body)
    assert "private" not in caught.value.message


def test_texts_are_not_in_the_repr():
    assert "private" not in repr(parse(b'{"inputs":[{"text":"private"}]}'))
