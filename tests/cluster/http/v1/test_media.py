"""JSON or protobuf: what a client wants, as clients say it."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from cluster.http.v1.media import answer_media, request_media


def accepting(*values: str) -> web.Request:
    return make_mocked_request("POST", "/", CIMultiDict([("Accept", each) for each in values]))


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ([], "application/json"),
        ([""], "application/json"),
        (["*/*"], "application/json"),
        (["application/*"], "application/json"),
        (["application/json"], "application/json"),
        (["application/x-protobuf"], "application/x-protobuf"),
        (["Application/X-Protobuf"], "application/x-protobuf"),
        (["application/x-protobuf", "application/x-protobuf"], "application/x-protobuf"),
        (["application/x-protobuf", "application/json"], "application/json"),
        (["application/x-protobuf, application/json;q=0.5"], "application/x-protobuf"),
        (["application/x-protobuf;q=0.5", "*/*; q=0.1"], "application/x-protobuf"),
        (["application/json;q=0, */*"], "application/x-protobuf"),
        (["text/html, application/xhtml+xml, */*;q=0.8"], "application/json"),
        (["application/json; charset=utf-8"], "application/json"),
        (["text/html", "application/json;q=0.001"], "application/json"),
    ],
)
def test_what_is_wanted(accept: list[str], expected: str) -> None:
    assert answer_media(accepting(*accept)).type == expected


@pytest.mark.parametrize(
    "accept", ["text/html", "*/*;q=0", "application/json;q=nan", "application/json;q=-1"]
)
def test_neither_is_wanted(accept: str) -> None:
    with pytest.raises(web.HTTPNotAcceptable, match="Not Acceptable"):
        answer_media(accepting(accept))


def test_no_content_type() -> None:
    with pytest.raises(web.HTTPBadRequest) as caught:
        request_media(make_mocked_request("POST", "/", CIMultiDict()))
    assert caught.value.text == "Content-Type is missing: it is application/json or application/x-protobuf\n"


@given(st.lists(st.text(st.sampled_from("aj*/;,=q. 01onpplicatin-x")) | st.text(), max_size=3))
def test_anything_may_come(values: Any) -> None:
    with contextlib.suppress(web.HTTPNotAcceptable):
        answer_media(accepting(*values))
