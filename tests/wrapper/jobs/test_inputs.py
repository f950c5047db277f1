"""Which rows a file has, from any position on, and which of them are refused, and why."""

import csv
import gzip
import io
import itertools
import json
import os
import re
from contextlib import closing
from functools import partial
from unittest.mock import Mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow.feather import write_feather

from inworld_embeddings import ConfigurationError, InputChangedError, InvalidInputError
from inworld_embeddings.jobs import files
from inworld_embeddings.jobs import lines as of_lines
from inworld_embeddings.jobs.files import found_files
from inworld_embeddings.jobs.inputs import Reader, columns_of
from inworld_embeddings.jobs.rows import Refusal

ROWS = [
    ("a", "one"),
    ("b", 'quo"ted, and\nbroken'),
    ("c", "größer \U0001f600"),
    ("d", ""),
    ("e", " blank "),
    ("f", "x" * 300),
]
TABLE = pa.table({"id": [row[0] for row in ROWS], "body": [row[1] for row in ROWS]})
TWICE = pa.table([["a"], ["b"], ["c"]], names=["t", "t", "u"])


def made(write):
    """What is written into an Arrow stream."""
    sink = pa.BufferOutputStream()
    write(sink)
    return sink.getvalue().to_pybytes()


def parquet(table, **options):
    return made(partial(pq.write_table, table, **options))


def ipc_stream(sink):
    with pa.ipc.new_stream(sink, TABLE.schema) as writer:
        writer.write_table(TABLE, max_chunksize=4)


def csv_of(delimiter):
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter).writerows([("id", "body"), *ROWS])
    return file.getvalue().encode("utf-8-sig")


FEATHER = made(partial(write_feather, TABLE, chunksize=2, compression="uncompressed"))
JSONL = "".join(json.dumps({"id": i, "more": [1], "body": t}) + "\n\n" for i, t in ROWS).encode()
FILES = {
    "x.parquet": parquet(TABLE, row_group_size=4),
    "x.feather": FEATHER,
    "x.arrow": made(ipc_stream),
    "x.jsonl": JSONL,
    "x.csv": csv_of(","),
    "x.TSV": csv_of("\t"),
    "x.csv.gz": gzip.compress(csv_of(",")[:40]) + gzip.compress(csv_of(",")[40:]),
    "x.jsonl.zst": pa.compress(JSONL, "zstd", asbytes=True),
}


@pytest.fixture
def taken(tmp_path):
    """Makes a file, and reads all rows of it, by a second reader from any row on."""

    def take(name, data, text=None, *carried, first=0, step=10_000):
        (tmp_path / name).write_bytes(data)
        files = found_files(str(tmp_path / name), tmp_path / "out")
        columns = columns_of(files, text, carried, ("row",))
        with closing(Reader(files, columns)) as reader:
            pieces = [reader.take(first)]
        with closing(Reader(files, columns, reader.position)) as again:
            while (piece := again.take(step)).texts:
                pieces.append(piece)
            assert again.share == 1.0
        texts = [text for piece in pieces for text in piece.texts]
        return texts, pa.concat_tables(piece.carried for piece in pieces)

    return take


@pytest.mark.parametrize("name", FILES)
def test_every_kind_gives_the_same_rows_from_wherever_it_is_begun(taken, name):
    for first, step in itertools.product(range(len(ROWS) + 1), (1, 2, 5)):
        texts, carried = taken(name, FILES[name], "body", "id", "body", first=first, step=step)
        assert texts == [text for _, text in ROWS]
        assert carried.to_pylist() == TABLE.to_pylist()


def why(text):
    """Of a refused text what is said after the file's name, without msgspec's own words."""
    if isinstance(text, Refusal):
        return re.sub("(broken JSON): .*", r"\1", text.message.partition(", ")[2])
    return text


LONG = b"x" * 10_000
LINES = b"\xef\xbb\xbfa\r\n\n b\x0b \xe2\x80\xa8c\rd\nlast"
JSON = b'{"t":"a"}\n{"t":"b"\n["t"]\n{"t":null}\n{}\n\n{"t":5}\n{"t":{"x":1}}\n{"t":"\\ud800"}\n{"t":"c","n":NaN}\n{"t":"d"}'
NO_JSON = [
    "line 2: broken JSON",
    "line 3: not a JSON object",
    "line 4: no text",
    "line 5: no text",
    "line 7: the text is a number",
    "line 8: the text is a object",
    "line 9: broken JSON",
    "line 10: broken JSON",
]
CSV = b'id,t\r\n1,a\r\n2\r\n3,b,c\r\n4,"two\r\nlines"\r\n\r\n5,"open\r\n6,d\r\n7,"x"y\r\n8,\xff\r\n9,e\r\n'
RECORDS = [
    "a",
    "line 3: the header has 2 fields, this record 1",
    "line 4: the header has 2 fields, this record 3",
    "two\r\nlines",
    "line 8: broken CSV: ',' expected after '\"'",
    "d",
    "line 10: broken CSV: ',' expected after '\"'",
    "line 11: not UTF-8",
    "e",
]


@pytest.mark.parametrize(
    ("name", "data", "found"),
    [
        ("x.txt", LINES, ["a", "", " b\x0b \u2028c\rd", "last"]),
        ("x.txt", b"", []),
        ("x.txt", b"a\n\xff\nb\n", ["a", "line 2: not UTF-8 at byte 0", "b"]),
        ("x.txt", b"a\n%s\nb" % LONG, ["a", "line 2: longer than 16 MiB", "b"]),
        ("x.jsonl", JSON, ["a", *NO_JSON, "d"]),
        ("x.jsonl", b'{"t":"a"}\n{"t":"%s"}\n{"t":"b"}' % LONG, ["a", "line 2: longer than 16 MiB", "b"]),
        ("x.jsonl", b'{"t":"\xff"}\n{"t":"a"}\n', ["line 1: broken JSON", "a"]),
        ("x.jsonl", b'{"n":1,"t":null}\n{"t":"a"}\n', ["line 1: no text", "a"]),  # the only column of text
        ("x.csv", CSV, RECORDS),
        ("x.csv", b"t\na\rb\n", ["line 2: broken CSV: a carriage return alone, not before a line feed"]),
        ("x.csv", b't\n"a"\n"%s"\nb' % LONG, ["a", "line 3: longer than 16 MiB", "b"]),
        ("x.csv", b't\na\n"open\ninside\n%s\nb\n' % LONG, ["a", "line 5: longer than 16 MiB", "b"]),
    ],
)
def test_H18_a_line_that_is_no_text_is_refused_and_costs_no_other(taken, monkeypatch, name, data, found):
    monkeypatch.setattr(of_lines, "LONGEST", 100)
    for first in range(len(found) or 1):
        texts, _ = taken(name, data, "t" if name == "x.csv" else None, first=first)
        assert [*map(why, texts)] == found


def test_H18_rows_of_a_table_that_are_no_text(taken):
    binary = pa.array([b"a", None, b"\xff", b"b"], pa.binary()).view(pa.string())
    texts, _ = taken("x.parquet", parquet(pa.table({"n": range(4), "t": binary})))
    assert [*map(why, texts)] == ["a", "row 1: no text", "row 2: not UTF-8", "b"]


def test_H18_what_is_carried_and_not_utf_8_is_marked_however_deep_it_is(taken):
    bad = pa.array([b"a", None, b"x\xff"], pa.binary()).view(pa.string())
    lists = pa.ListArray.from_arrays([0, 1, 2, 3], bad)
    maps = pa.MapArray.from_arrays([0, 1, 2, 3], pa.array(["k", "l", "m"]), bad)
    structs = pa.StructArray.from_arrays([lists, maps, pa.array([b"\xff"] * 3)], ["list", "map", "raw"])
    _, carried = taken("x.parquet", parquet(pa.table({"t": ["a", "b", "c"], "deep": structs})), "t", "deep")
    told = carried["deep"].to_pylist()
    assert told[0] == {"list": ["a"], "map": [("k", "a")], "raw": b"\xff"}
    assert told[2] == {"list": ["x\ufffd"], "map": [("m", "x\ufffd")], "raw": b"\xff"}


def test_a_damaged_arrow_file_is_told_and_crashes_nothing(taken):
    damaged = FEATHER.replace(np.int32([0, 1, 2]).tobytes(), np.int32([0, 1 << 30, 2]).tobytes())
    with pytest.raises(InvalidInputError, match=r"x\.arrow: .*ffset"):
        taken("x.arrow", damaged, "body", "id")


def test_values_of_json_are_carried_as_text_whatever_they_are(taken):
    values = ["1", '"s\\n"', '{"x":[1, 2]}', "null"]
    lines = [*(f'{{"t":"a","v":{value}}}' for value in values), '{"t":"e"}']
    _, carried = taken("x.jsonl", "\n".join(lines).encode(), "t", "v")
    assert carried["v"].to_pylist() == ["1", "s\n", '{"x":[1, 2]}', None, None]


@pytest.mark.parametrize(
    ("name", "data", "text", "says"),
    [
        ("x.csv", b"a,b\n1,2\n", None, "several columns of text: a, b. Name the one to embed"),
        ("x.csv", b"a,b\n1,2\n", "c", "no column 'c', only: a, b"),
        ("x.csv", b'1,"Jane Roe\n"\n', "a", "no column 'a', only: 1, …"),
        ("x.csv", b"id;t\n1;a\n", None, "a ';' in it; fields must be parted by commas"),
        ("x.jsonl", b'{"n":1}\n', None, "no column of text"),
        ("x.jsonl", b'{"a":"x"}\n', "b", "no column 'b' in its first 100 lines, only: a"),
        ("x.parquet", parquet(TWICE), "t", "several columns called 't'"),
    ],
)
def test_a_column_that_is_not_there_is_named_before_anything_is_sent(taken, name, data, text, says):
    with pytest.raises(ConfigurationError, match=says):
        taken(name, data, text)


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("x.json", b'[{"t":"a"},\n{"t":"b"}]', "is a JSON object.* jq -c"),
        ("x.json", b'[{"t":"%s"}]' % (b"x" * of_lines.LONGEST), "is a JSON object"),
        ("x.xlsx", b"", "must end with one of .parquet"),
        ("x.parquet.gz", b"", "must end with"),
        ("x.parquet", b"PAR1", "x.parquet: "),
        ("x.feather", b"FEA1" * 9, "x.feather: It is no Arrow file, or was cut short"),
        ("x.txt", "a".encode("utf-16"), "is UTF-16"),
        ("x.txt.gz", gzip.compress(b"a\n" * 9999, mtime=0)[:-9], "x.txt.gz: .*end"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(taken, name, data, says):
    with pytest.raises(InvalidInputError, match=says):
        taken(name, data)


def test_folders_and_globs_are_read_by_name_without_the_jobs_own_folder(tmp_path):
    for name in ("b.txt", "a.txt", "c/d.txt", "out/part.txt", ".hidden.txt", "_x.txt", "c/e.pdf"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    def found(source):
        files = found_files(source, tmp_path / "out")
        return [path.removeprefix(f"{tmp_path}/") for path in files]

    assert found(tmp_path) == ["a.txt", "b.txt", "c/d.txt"]
    assert found(f"{tmp_path}/[ab].txt") == ["a.txt", "b.txt"]
    assert found(f"{tmp_path}/**/*.txt") == ["_x.txt", "a.txt", "b.txt", "c/d.txt"], "_x.txt was asked for"
    (tmp_path / "c" / "back").symlink_to(tmp_path, target_is_directory=True)
    assert len(found(tmp_path / "c")) == 3, "links are followed, once"
    for source in (f"{tmp_path}/*.csv", f"{tmp_path}/c*", []):  # the second: a folder alone
        with pytest.raises(InvalidInputError, match=r"No such file|no file to read"):
            found(source)


def test_what_cannot_be_read_in_a_folder_is_not_left_out(tmp_path, monkeypatch):
    (tmp_path / "a.txt").touch()
    (tmp_path / "b.txt").symlink_to("nowhere")
    for source in (tmp_path, f"{tmp_path}/*.txt"):
        with pytest.raises(InvalidInputError, match=r"b\.txt: .*No such file"):
            found_files(source, tmp_path / "out")
    monkeypatch.setattr(os, "scandir", Mock(side_effect=PermissionError(13, "Permission denied", "sub")))
    with pytest.raises(InvalidInputError, match="sub: Permission denied"):
        found_files(tmp_path, tmp_path / "out")


def test_H08_what_changed_is_named_and_an_equal_copy_is_no_change(tmp_path):
    path, copy = tmp_path / "x.txt", tmp_path / "copy.txt"
    for one in (path, copy):
        one.write_bytes(b"a" * (files.MIB + 5))
    then = files.InputFile.of(str(path)).digested()
    files.check_same([then], [files.InputFile.of(str(copy))])
    for now, says in ((b"a" * files.MIB + b"aaaab", "x.txt .*MiB 1"), (b"a", "1048581 bytes then, 1 now")):
        path.write_bytes(now)
        with pytest.raises(InputChangedError, match=says):
            then.check()
    path.unlink()
    with pytest.raises(InputChangedError, match="No such file"):
        then.check()
