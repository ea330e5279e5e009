"""A file in a multipart body."""

from collections.abc import Iterable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.errors import InvalidRequest
from functions.gateway.multipart import MAX_PARTS, File, file_of
from tests.support.multipart import BOUNDARY, CONTENT_TYPE, Part, multipart

PNG = b"\x89PNG\r\n\x1a\n\x00\xff"


def read(*parts: Part) -> File:
    return file_of(CONTENT_TYPE, multipart(*parts), field="file")


def refused(content_type: str, body: bytes) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        file_of(content_type, body, field="file")
    return caught.value


def test_a_file() -> None:
    """Name, media type and bytes come out as they went in."""
    assert read(Part(name="file", file_name="a.png", media_type="image/png", data=PNG)) == File(
        "a.png", "image/png", PNG
    )


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        (b'filename="a b.txt"', "a b.txt"),
        (b"filename=a.txt", "a.txt"),
        ('filename="żółć 😀.txt"'.encode(), "żółć 😀.txt"),
        ('filename="Grüße.txt"'.encode("latin-1"), "Grüße.txt"),
        (b'filename="a%22b%0D%0Ac%20d.txt"', 'a"b\r\nc%20d.txt'),
        (b'filename="a\\"b;c=d.txt"', 'a"b;c=d.txt'),
        (b'filename="a;b.txt"', "a;b.txt"),
        (b"filename*=UTF-8''na%C3%AFve%20%E2%98%95.txt", "naïve ☕.txt"),
        (b"filename*=utf-8'en'a.txt", "a.txt"),
        (b"filename*=ISO-8859-1''%FCber.txt", "über.txt"),
        (b"filename=\"fallback.txt\"; filename*=UTF-8''%E2%82%AC.txt", "€.txt"),
        (b"filename*=UTF-8''%E2%82%AC.txt; filename=\"fallback.txt\"", "€.txt"),
        (b"filename*=UTF-8''%FF.txt", "\ufffd.txt"),
        (b"filename=\"plain.txt\"; filename*=koi8-r''%C1.txt", "plain.txt"),
        (b"filename*=raw-unicode-escape''%5Cud800", ""),
        (b"filename=\"x; filename*=UTF-8''inside.txt\"", "x; filename*=UTF-8''inside.txt"),
        (b"filename=\"open; filename*=UTF-8''inside.txt", "\"open; filename*=UTF-8''inside.txt"),
        (b'filename=""', ""),
        (b'filename="C:\\\\fakepath\\\\a.txt"', "a.txt"),
    ],
)
def test_a_files_name(parameters: bytes, name: str) -> None:
    """As browsers write it, as older programs do, and in the extended form, which comes first."""
    assert read(Part(name="file", raw_parameters=parameters, media_type="text/plain", data=b"x")).name == name


@pytest.mark.parametrize("character", ["a", "é", "漢", "😀"])
def test_a_long_name(character: str) -> None:
    """Ten thousand characters are no reason to refuse a file: what is kept of them is decided elsewhere."""
    name = character * 10_000
    assert read(Part(name="file", file_name=name, media_type="text/plain", data=b"x")).name == name


@given(
    data=st.lists(st.sampled_from([b"--", BOUNDARY, b"\r\n", b"\r", b"\n", b"-", b"\x00", b"\xff", b"a"])).map(b"".join)
)
def test_any_bytes_come_out_as_they_were(data: bytes) -> None:
    """Whatever looks like a boundary, but is none, is part of the file."""
    if b"\r\n--" + BOUNDARY in b"\r\n" + data:
        return
    file = read(
        Part(name="note", data=b"passed over"),
        Part(name="file", file_name="a", media_type="application/pdf", data=data),
        Part(name="other", data=b"as well"),
    )
    assert file.data == data


@given(st.text().filter(lambda name: not set(name) & set('"\r\n\\%') and name.isprintable()))
def test_any_name_comes_out_as_it_was(name: str) -> None:
    """In each of the two forms."""
    plain = Part(name="file", file_name=name, media_type="text/plain", data=b"x")
    extended = Part(
        name="file", raw_parameters=f"filename*=UTF-8''{quote(name)}".encode(), media_type="text/plain", data=b"x"
    )
    assert read(plain).name == name
    assert read(extended).name == name


@given(st.binary(max_size=300))
def test_any_body_is_read_or_refused(body: bytes) -> None:
    """Nothing but `InvalidRequest` is ever raised."""
    for whole in (body, b"--" + BOUNDARY + b"\r\n" + body + b"\r\n--" + BOUNDARY + b"--"):
        try:
            file_of(CONTENT_TYPE, whole, field="file")
        except InvalidRequest:
            continue


@given(st.text(max_size=200))
def test_any_content_type_is_read_or_refused(content_type: str) -> None:
    """The same for the header."""
    for header in (content_type, f"multipart/form-data; boundary={content_type}"):
        try:
            file_of(header, b"", field="file")
        except InvalidRequest:
            continue


A_FILE = Part(name="file", file_name="a.txt", media_type="text/plain", data=b"x")
A_TEXT = Part(name="note", data=b"x")


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([], "is missing"),
        ([A_TEXT], "is missing"),
        ([A_FILE, A_FILE], "several"),
        ([Part(name="file", data=b"x")], "it is a text"),
        ([Part(name="file", data=b"x"), A_FILE], "it is a text"),
        ([Part(name="picture", file_name="a.png", media_type="image/png", data=PNG)], "another part"),
        ([A_FILE, Part(name="picture", file_name="a.png", media_type="image/png", data=PNG)], "another part"),
        ([Part(name="file", file_name="a.txt", data=b"x")], "content type"),
        ([Part(name="file", file_name="a.txt", media_type=" ", data=b"x")], "content type"),
        (
            [Part(name="file", file_name="a.txt", media_type="text/plain", encoding="base64", data=b"eA==")],
            "content-transfer-encoding",
        ),
    ],
)
def test_a_body_that_is_not_that_one_file(parts: Iterable[Part], words: str) -> None:
    """The refusal names the field, and says what is wrong with it."""
    error = refused(CONTENT_TYPE, multipart(*parts))
    assert error.field == "file"
    assert words in error.message


@pytest.mark.parametrize("encoding", ["binary", "8bit", "7bit", "BINARY"])
def test_an_encoding_that_changes_nothing(encoding: str) -> None:
    """Older programs say that the bytes are as they are."""
    part = Part(name="file", file_name="a.txt", media_type="text/plain", encoding=encoding, data=b"x")
    assert read(part).data == b"x"


@pytest.mark.parametrize(
    ("content_type", "words"),
    [
        ("", "must be multipart/form-data"),
        ("application/json", "must be multipart/form-data"),
        ("multipart/mixed; boundary=b", "must be multipart/form-data"),
        ("multipart/form-data", "boundary"),
        ("multipart/form-data; boundary=", "boundary"),
        ('multipart/form-data; boundary=""', "boundary"),
        ("multipart/form-data; boundary=another", "not well-formed"),
        (f"multipart/form-data; boundary={'b' * 300}", "not well-formed"),
    ],
)
def test_a_content_type_that_says_something_else(content_type: str, words: str) -> None:
    """The body cannot be read by it, and the refusal says why."""
    assert words in refused(content_type, multipart(A_FILE)).message


def test_a_body_that_breaks_off() -> None:
    """Wherever it is cut, nothing of it is taken."""
    whole = multipart(A_FILE)
    end = whole.rindex(b"--")
    for cut in range(end + 1):
        assert refused(CONTENT_TYPE, whole[:cut])
    assert file_of(CONTENT_TYPE, whole[: end + 2], field="file").data == b"x"


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"content-disposition: form-data\r\n",
        b'content-disposition: attachment; name="file"; filename="a"\r\n',
        b'content-disposition: form-data; filename="a"\r\n',
        b"content-disposition:\r\n",
    ],
)
def test_a_part_without_a_name(head: bytes) -> None:
    """Each part says what it is called."""
    body = b"--" + BOUNDARY + b"\r\n" + head + b"\r\nx\r\n--" + BOUNDARY + b"--\r\n"
    assert "has no name" in refused(CONTENT_TYPE, body).message


def test_too_many_parts() -> None:
    """A body of nothing but parts is given up early."""
    assert read(*[A_TEXT] * (MAX_PARTS - 1), A_FILE).name == "a.txt"
    assert f"at most {MAX_PARTS} parts" in refused(CONTENT_TYPE, multipart(*[A_TEXT] * MAX_PARTS, A_FILE)).message


@pytest.mark.parametrize("header", [b"x-a: b\r\n" * 9, b"x-a: " + b"b" * 70_000 + b"\r\n", b"x a: b\r\n"])
def test_headers_that_are_too_many_or_too_long(header: bytes) -> None:
    """They are refused as what is not well-formed."""
    body = b"--" + BOUNDARY + b"\r\n" + header + b"\r\nx\r\n--" + BOUNDARY + b"--\r\n"
    assert "not well-formed" in refused(CONTENT_TYPE, body).message


def test_nothing_is_logged_of_what_came(caplog: pytest.LogCaptureFixture) -> None:
    """A wrong body is its sender's business: the operator hears nothing of it, and nothing of what it held."""
    refused(CONTENT_TYPE, b"secret")
    assert caplog.records == []
