"""What people see of a URL."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.urls import MAX_SHOWN_LENGTH, without_secrets


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://cdn.example/a/b.jpg", "https://cdn.example/a/b.jpg"),
        ("https://cdn.example:8443/a", "https://cdn.example:8443/a"),
        ("https://cdn.example/a?X-Amz-Signature=s3cret&x=1", "https://cdn.example/a"),
        ("https://cdn.example/a#s3cret", "https://cdn.example/a"),
        ("https://cdn.example?s3cret", "https://cdn.example"),
        ("https://user:s3cret@cdn.example/a", "https://cdn.example/a"),
        ("https://user:s3@cret@cdn.example/a", "https://cdn.example/a"),
        ("https://cdn.example/@shop/a.jpg", "https://cdn.example/@shop/a.jpg"),
        ("https://user:s3/cret@cdn.example/a", "https://(unreadable url)"),
        ("https://user:s3\\cret@cdn.example/a", "https://cdn.example/a"),
        ("http://[2001:db8::1]:80/a", "http://[2001:db8::1]:80/a"),
        ("mongodb://user:s3cret@a.example:27017,b.example/?tls=true", "mongodb://a.example:27017,b.example/"),
        ("s3://bucket/key", "s3://bucket/key"),
        ("file:///srv/a.jpg", "file:///srv/a.jpg"),
        ("user:s3cret@cdn.example", "(unreadable url)"),
        ("", "(unreadable url)"),
        ("http://cdn.example/a\r\nlevel=error", "http://cdn.example/a??level=error"),
    ],
)
def test_a_url_is_shown_without_what_could_open_a_door(url: str, shown: str) -> None:
    assert without_secrets(url) == shown


@given(st.text())
def test_any_text_comes_out_as_one_line_of_bounded_length(text: str) -> None:
    shown = without_secrets(text)

    assert len(shown) <= MAX_SHOWN_LENGTH
    assert len(shown.splitlines()) == 1


@given(st.from_regex(r"[a-zA-Z0-9_.~@:!$&'()*+,;=-]{0,20}", fullmatch=True))
def test_a_password_is_never_shown(noise: str) -> None:
    assert "s3cret" not in without_secrets(f"https://user:{noise}s3cret@cdn.example/a.jpg?key=s3cret#s3cret")
