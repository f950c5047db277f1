"""Which rows a file has, from any position on, and which of them are refused, and why."""

import csv
import gzip
import itertools
import json
import os
from contextlib import closing
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from inworld_embeddings import ConfigurationError, InputChangedError, InvalidInputError
from inworld_embeddings.jobs import files
from inworld_embeddings.jobs import lines as of_lines
from inworld_embeddings.jobs.files import found_files
from inworld_embeddings.jobs.inputs import Reader, columns_of
from inworld_embeddings.jobs.rows import Position, Refusal

ROWS = [
    ("a", "one"),
    ("b", 'quo"ted, and\nbroken'),
    ("c", "größer \U0001f600"),
    ("d", ""),
    ("e", " blank "),
    ("f", "x" * 300),
]
TABLE = pa.table({"id": [row[0] for row in ROWS], "body": [row[1] for row in ROWS]})


def write_parquet(path):
    pq.write_table(TABLE, path, row_group_size=4)


def arrow(made, size):
    """Writes the table by what makes a writer of such files, in pieces."""

    def write(path):
        with pa.OSFile(str(path), "wb") as file, made(file, TABLE.schema) as writer:
            writer.write_table(TABLE, max_chunksize=size)

    return write


def write_jsonl(path):
    path.write_text("\n".join(json.dumps({"id": i, "more": [1], "body": t}) for i, t in ROWS) + "\n\n")


def write_csv(path, delimiter=","):
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([("id", "body"), *ROWS])


def write_gz(path):
    write_csv(path)
    data = path.read_bytes()
    path.write_bytes(gzip.compress(data[:40]) + gzip.compress(data[40:]))


def write_zst(path):
    write_jsonl(path)
    data = path.read_bytes()
    with pa.output_stream(str(path), compression="zstd") as file:
        file.write(data)


WRITERS = {
    "x.parquet": write_parquet,
    "x.feather": arrow(pa.ipc.new_file, 2),
    "x.arrow": arrow(pa.ipc.new_stream, 4),
    "x.jsonl": write_jsonl,
    "x.csv": write_csv,
    "x.TSV": partial(write_csv, delimiter="\t"),
    "x.csv.gz": write_gz,
    "x.jsonl.zst": write_zst,
}


def taken(files, text=None, *carried):
    """All rows of some files."""
    with closing(Reader(files, columns_of(files, text, carried, ("row",)))) as reader:
        return reader.take(10_000)


def read(path, text=None, carried=()):
    """Texts of a file, all at once."""
    return taken(found_files(str(path), path.parent / "out"), text, *carried).texts


@pytest.mark.parametrize("name", WRITERS)
def test_every_kind_gives_the_same_rows_from_wherever_it_is_begun(tmp_path, name):
    path = tmp_path / name
    WRITERS[name](path)
    files = [str(path)]
    columns = columns_of(files, "body", ("id", "body"), ())
    for first, step in itertools.product(range(len(ROWS) + 1), (1, 2, 5)):
        reader = Reader(files, columns)
        texts = reader.take(first).texts
        again = Reader(files, columns, reader.position)
        reader.close()
        carried = []
        while (piece := again.take(step)).texts:
            texts += piece.texts
            carried += piece.carried.to_pylist()
        assert again.share == 1.0
        again.close()
        assert texts == [text for _, text in ROWS]
        assert carried == [{"id": name, "body": text} for name, text in ROWS[first:]]


def whys(texts):
    """Texts, and of refused ones what is said after the file's name."""
    return [text.message.partition(", ")[2] if isinstance(text, Refusal) else text for text in texts]


LONG = b"x" * 10_000
LINES = b"\xef\xbb\xbfa\r\n\n b\x0b \xe2\x80\xa8c\rd\nlast"
JSON = b'{"t":"a"}\n{"t":"b"\n["t"]\n{"t":null}\n{}\n\n{"t":5}\n{"t":{"x":1}}\n{"t":"\\ud800"}\n{"t":"c","n":NaN}\n{"t":"d"}'
NO_JSON = [
    "line 2: broken JSON: Input data was truncated",
    "line 3: not a JSON object",
    "line 4: no text",
    "line 5: no text",
    "line 7: the text is a number",
    "line 8: the text is a object",
    "line 9: broken JSON: Input data was truncated",
    "line 10: broken JSON: JSON is malformed: invalid character (byte 13)",
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
        ("x.jsonl", b'{"n":1,"t":null}\n{"t":"a"}\n', ["line 1: no text", "a"]),  # the only column of text
        ("x.csv", CSV, RECORDS),
        (
            "x.csv",
            b"t\na\rb\nc\n",
            ["line 2: broken CSV: a carriage return alone, not before a line feed", "c"],
        ),
        ("x.csv", b't\n"a"\n"%s"\nb' % LONG, ["a", "line 3: longer than 16 MiB", "b"]),
        ("x.csv", b't\na\n"open\ninside\n%s\nb\n' % LONG, ["a", "line 5: longer than 16 MiB", "b"]),
    ],
)
def test_H18_a_line_that_is_no_text_is_refused_and_costs_no_other(tmp_path, monkeypatch, name, data, found):
    monkeypatch.setattr(of_lines, "LONGEST", 100)
    path = tmp_path / name
    path.write_bytes(data)
    files = [str(path)]
    columns = columns_of(files, "t" if name == "x.csv" else None, (), ())
    for first in range(len(found) or 1):
        with closing(Reader(files, columns)) as reader:
            texts = reader.take(first).texts
            assert reader.share == (reader.position.offset / len(data) if data else None)
            with closing(Reader(files, columns, reader.position)) as again:
                assert whys([*texts, *again.take(99).texts]) == found


def test_H18_a_line_of_json_that_is_not_utf_8(tmp_path):
    (tmp_path / "x.jsonl").write_bytes(b'{"t":"\xff"}\n{"t":"a"}\n')
    why, _ = whys(read(tmp_path / "x.jsonl", "t"))
    assert why.startswith("line 1: broken JSON: ")  # in the words of a version of msgspec


def test_H18_rows_of_a_table_that_are_no_text(tmp_path):
    binary = pa.array([b"a", None, b"\xff", b"b"], pa.binary()).view(pa.string())
    table = pa.table({"n": range(4), "t": binary})  # the only column of text is taken
    pq.write_table(table, tmp_path / "x.parquet")
    assert whys(read(tmp_path / "x.parquet")) == ["a", "row 1: no text", "row 2: not UTF-8", "b"]


def test_H18_what_is_carried_and_not_utf_8_is_marked_however_deep_it_is(tmp_path):
    bad = pa.array([b"a", None, b"x\xff"], pa.binary()).view(pa.string())
    lists = pa.ListArray.from_arrays([0, 1, 2, 3], bad)
    maps = pa.MapArray.from_arrays([0, 1, 2, 3], pa.array(["k", "l", "m"]), bad)
    structs = pa.StructArray.from_arrays(
        [lists, pa.array([b"\xff"] * 3), pa.array([1, 2, 3], pa.timestamp("ns"))], ["l", "raw", "at"]
    )
    columns = {"id": bad, "maps": maps, "structs": structs}
    pq.write_table(pa.table({"t": ["a", "b", "c"], **columns}), tmp_path / "x.parquet")
    carried = taken([str(tmp_path / "x.parquet")], "t", *columns).carried
    assert carried["id"].to_pylist() == ["a", None, "x\ufffd"]
    assert carried["maps"].to_pylist() == [[("k", "a")], [("l", None)], [("m", "x\ufffd")]]
    field = carried["structs"].combine_chunks().field
    assert field("l").to_pylist() == [["a"], [None], ["x\ufffd"]]
    assert [field(name).equals(structs.field(name)) for name in ("raw", "at")] == [True, True]


def test_a_damaged_arrow_file_is_told_and_crashes_nothing(tmp_path):
    path = tmp_path / "x.arrow"
    arrow(pa.ipc.new_file, 4)(path)
    data, at = path.read_bytes(), path.read_bytes().index(np.int32([0, 1, 2, 3, 4]).tobytes())
    for wrong in (-(1 << 30), 1 << 30):
        path.write_bytes(data[: at + 4] + np.int32(wrong).tobytes() + data[at + 8 :])
        with pytest.raises(InvalidInputError, match=r"x\.arrow: .*ffset"):
            taken([str(path)], "body", "id")


def test_which_of_two_columns_of_one_name_is_meant_is_asked(tmp_path):
    twice = pa.table([["a"], ["b"], ["c"]], names=["t", "t", "u"])
    pq.write_table(twice, tmp_path / "x.parquet")
    assert read(tmp_path / "x.parquet", text="u") == ["c"]
    with pytest.raises(ConfigurationError, match="several columns called 't'"):
        read(tmp_path / "x.parquet", text="t")


def test_columns_of_all_types_are_carried_and_json_as_text_whatever_it_is(tmp_path):
    table = pa.table(
        {
            "t": pa.array(["a", "b", "a"]).dictionary_encode(),
            "when": pa.array([1, None, 3], pa.timestamp("ms")),
            "tags": pa.array([["x"], [], None]),
            "kind": pa.array(["k", None, "k"]).dictionary_encode(),  # dictionaries are what they stand for
        }
    )
    pq.write_table(table, tmp_path / "x.parquet")
    piece = taken([str(tmp_path / "x.parquet")], "t", "when", "tags", "kind")
    assert piece.texts == ["a", "b", "a"]
    assert piece.carried.schema.field("kind").type == pa.string()
    assert piece.carried.to_pylist() == table.drop_columns("t").to_pylist()
    values = ["1", '"s\\n"', '{"x":[1, 2]}', "null"]
    (tmp_path / "x.jsonl").write_text("".join(f'{{"t":"a","v":{value}}}\n' for value in values) + '{"t":"e"}')
    carried = taken([str(tmp_path / "x.jsonl")], "t", "v").carried
    assert carried["v"].to_pylist() == ["1", "s\n", '{"x":[1, 2]}', None, None]


CUT = gzip.compress(b"a\n" * 9999, mtime=0)[:-9]


@pytest.mark.parametrize(
    ("name", "data", "options", "error", "says"),
    [
        (
            "x.csv",
            b"a,b\n1,2\n",
            {},
            ConfigurationError,
            "several columns of text: a, b. Name the one to embed",
        ),
        ("x.csv", b"a,b\n1,2\n", {"text": "c"}, ConfigurationError, "no column 'c', only: a, b"),
        ("x.csv", b"a,a\n1,2\n", {"text": "a"}, ConfigurationError, "there are several columns called 'a'"),
        ("x.csv", b'1,"Jane Roe\n"\n', {"text": "a"}, ConfigurationError, "no column 'a', only: 1, …"),
        ("x.csv", b'"a\n1,2\n', {}, ConfigurationError, "the header cannot be read"),
        ("x.csv", b"id;t\n1;a\n", {}, ConfigurationError, "a ';' in it; fields must be parted by commas"),
        ("x.csv", b"sep=;\n1;a\n", {"text": "1"}, ConfigurationError, "must be parted by commas"),
        ("x.json", b'[{"t":"a"},\n{"t":"b"}]', {"text": "t"}, InvalidInputError, "is a JSON object.* jq -c"),
        ("x.json", b'[{"t":"%s"}]' % (b"x" * of_lines.LONGEST), {}, InvalidInputError, "is a JSON object"),
        ("x.jsonl", b'{"n":1}\n', {}, ConfigurationError, "no column of text"),
        (
            "x.jsonl",
            b'{"a":"x"}\n',
            {"text": "b"},
            ConfigurationError,
            "no column 'b' in its first 100 lines, only: a",
        ),
        (
            "x.jsonl",
            b'{"a":1}\n',
            {"text": "a", "carried": ("row",)},
            ConfigurationError,
            "'row' cannot be carried",
        ),
        ("x.xlsx", b"", {}, InvalidInputError, "must end with one of .parquet"),
        ("x.parquet.gz", b"", {}, InvalidInputError, "must end with"),
        ("x.parquet", b"PAR1", {}, InvalidInputError, "x.parquet: "),
        ("x.feather", b"FEA1" * 9, {}, InvalidInputError, "x.feather: It is no Arrow file, or was cut short"),
        ("x.txt", "a".encode("utf-16"), {}, InvalidInputError, "is UTF-16"),
        ("x.txt.gz", CUT, {}, InvalidInputError, "x.txt.gz: .*end"),
    ],
)
def test_what_cannot_be_read_is_named_before_anything_is_sent(tmp_path, name, data, options, error, says):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(error, match=says):
        read(tmp_path / name, **options)


def test_folders_and_globs_are_read_by_name_without_the_jobs_own_folder(tmp_path):
    for name in ("b.txt", "a.txt", "c/d.txt", "out/part.txt", ".hidden.txt", "_x.txt", "c/e.pdf"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    names = [path.removeprefix(f"{tmp_path}/") for path in found_files(tmp_path, tmp_path / "out")]
    assert names == ["a.txt", "b.txt", "c/d.txt"]
    assert len(found_files(f"{tmp_path}/[ab].txt", tmp_path / "out")) == 2
    assert len(found_files(f"{tmp_path}/**/*.txt", tmp_path / "out")) == 4, "_x.txt was asked for"
    (tmp_path / "c" / "link").symlink_to(tmp_path / "out", target_is_directory=True)
    (tmp_path / "d").symlink_to(tmp_path / "c", target_is_directory=True)
    (tmp_path / "c" / "back").symlink_to(tmp_path, target_is_directory=True)
    assert len(found_files(tmp_path / "d", tmp_path / "out")) == 3, "links are followed, once"
    with pytest.raises(InvalidInputError, match="No such file"):
        found_files(f"{tmp_path}/*.csv", tmp_path / "out")
    with pytest.raises(InvalidInputError, match="No such file"):
        found_files(f"{tmp_path}/[cd]", tmp_path / "out")  # folders alone
    with pytest.raises(InvalidInputError, match="no file to read"):
        found_files([], tmp_path / "out")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda path: path.symlink_to("nowhere"), "No such file"),
        (os.mkfifo, "no file that can be read again"),
    ],
    ids=["a link to nothing", "a pipe"],
)
def test_what_cannot_be_read_in_a_folder_is_not_left_out(tmp_path, spoil, says):
    (tmp_path / "a.txt").touch()
    spoil(tmp_path / "b.txt")
    for source in (tmp_path, f"{tmp_path}/*.txt", tmp_path / "b.txt"):
        with pytest.raises(InvalidInputError, match=rf"b\.txt: .*{says}"):
            found_files(source, tmp_path / "out")


def test_a_folder_that_cannot_be_read_is_not_left_out(tmp_path, monkeypatch):
    def scandir(path, real=os.scandir):
        if str(path).endswith("sub"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    (tmp_path / "a.txt").touch()
    (tmp_path / "sub").mkdir()
    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(InvalidInputError, match="sub: Permission denied"):
        found_files(tmp_path, tmp_path / "out")


def test_H08_what_changed_is_named_and_an_equal_copy_is_no_change(tmp_path):
    path = tmp_path / "x.txt"
    path.write_bytes(b"a" * (files.MIB + 5))
    then = files.InputFile.of(str(path)).digested()
    (tmp_path / "copy.txt").write_bytes(path.read_bytes())
    files.check_same([then], [files.InputFile.of(str(tmp_path / "copy.txt"))])
    path.write_bytes(b"a" * files.MIB + b"aaaab")
    with pytest.raises(InputChangedError, match="x.txt .*MiB 1"):
        then.check()
    path.write_bytes(b"a")
    with pytest.raises(InputChangedError, match="1048581 bytes then, 1 now"):
        then.check()
    path.unlink()
    with pytest.raises(InputChangedError, match="No such file"):
        then.check()
    with pytest.raises(InputChangedError, match="was 1 when this job began, and is 2"):
        files.check_same([then], [then, then])


def test_positions_go_over_the_ends_of_files(tmp_path):
    (tmp_path / "a.txt").write_text("1\n2\n")
    (tmp_path / "b.txt").touch()
    (tmp_path / "c.txt").write_text("3\n")
    files = found_files(tmp_path, tmp_path / "out")
    reader = Reader(files, columns_of(files, None, (), ()))
    assert reader.take(2).texts == ["1", "2"]
    assert (reader.position, reader.share) == (Position(0, 4, 2), 4 / 6)
    assert reader.take(5).texts == ["3"]
    assert reader.position == Position(3)
    assert Reader(files, columns_of(files, None, (), ()), Position(3)).take(1).texts == []
