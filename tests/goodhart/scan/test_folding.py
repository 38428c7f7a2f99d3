"""Constants worked out without running anything."""

from __future__ import annotations

import ast

import pytest

from trueup.goodhart.scan.python.folding import fold


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'_ex' + 'it'", "_exit"),
        ("'tixe_'[::-1]", "_exit"),
        ("''.join(['_', 'exit'])", "_exit"),
        ("''.join(chr(c) for c in [95, 101])", "_e"),
        ("''.join(map(chr, (95, 101)))", "_e"),
        ("f\"_{'ex'}it\"", "_exit"),
        ("'%sit' % '_ex'", "_exit"),
        ("'{}it'.format('_ex')", "_exit"),
        ("b'_exit'.decode()", "_exit"),
        ("bytes([95, 101]).decode()", "_e"),
        ("base64.b64decode('X2V4aXQ=').decode()", "_exit"),
        ("bytes.fromhex('5f65').decode()", "_e"),
        ("codecs.decode('_rkvg', 'rot13')", "_exit"),
        ("'xexit'.replace('x', '_', 1)", None),
        ("'_EXIT'.lower()", "_exit"),
        ("'a b'.split()[1]", "b"),
        ("chr(90 + 5)", "_"),
        ("'ab' * 2", "abab"),
        ("1 + x", None),
        ("open('x')", None),
        ("'a' * 10 ** 9", None),
        ("'%999999999d' % 1", None),
        ("'{:999999999}'.format(1)", None),
        ("('a' * 60000).replace('a', 'b' * 60000)", None),
        ("','.join([('a' * 60000)] * 4000)", None),
        ("eval('1')", None),
    ],
)
def test_folding(text: str, value: object) -> None:
    got = fold(ast.parse(text, mode="eval").body)
    assert got == value or (value is None and isinstance(got, str) and len(got) < 100)
