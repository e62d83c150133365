"""Nobody comes in without a token, and who has one for looking changes nothing."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser.server import Served, serving
from tests.security.asking import (
    CHANGE,
    LOOK,
    WEB_SOCKET,
    ask,
    cookie_by,
    headers_of,
    status,
    token_of,
)
from tests.security.test_hosts import ADDRESSES

OPEN_TO_ALL = {"/health", "/come-in"}


@pytest.mark.parametrize("path", [path for path in ADDRESSES if path not in OPEN_TO_ALL])
def test_nothing_is_given_away_without_a_token(guarded: Served, path: str) -> None:
    for lines in [(), (f"Cookie: {guarded.cookie}=x",), (f"Cookie: {guarded.cookie}=\xe9",)]:
        method = "PUT" if path in ("/upload", "/picture") else "GET"
        answer = ask(guarded, path, *lines, method=method)
        assert status(answer) == (404 if path == "/nowhere" else 403)
        assert "set-cookie" not in answer.lower()
    assert status(ask(guarded, path, *WEB_SOCKET)) == 403


def test_whether_the_server_lives_is_told_to_all_and_no_more(guarded: Served) -> None:
    answer = ask(guarded, "/health")

    assert answer.partition("\r\n\r\n")[2] == "ok"
    assert set(headers_of(answer)) <= {
        *("date", "cache-control", "content-length", "content-type", "connection"),
        *("content-security-policy", "x-frame-options", "x-content-type-options"),
        *("referrer-policy", "cross-origin-resource-policy", "cross-origin-opener-policy"),
    }


def test_the_printed_token_is_changed_for_a_cookie_that_no_script_can_read(guarded: Served) -> None:
    answer = ask(guarded, f"/library?token={token_of(guarded)}&show=failed")

    [cookie] = re.findall(r"^set-cookie: (.+?)\r$", answer, re.MULTILINE)
    name_and_value, *attributes = cookie.split("; ")
    assert name_and_value.startswith(f"kinodex-{guarded.port}=")
    assert token_of(guarded) not in cookie
    assert {one.lower() for one in attributes} == {"httponly", "path=/", "samesite=strict"}
    assert 'content="0; url=/library?show=failed"' in answer
    assert status(ask(guarded, "/", f"Cookie: a=b; {name_and_value}; c=d")) == 200


def test_the_token_of_one_port_is_no_token_of_another(guarded: Served, shared_page: Served) -> None:
    kept = cookie_by(guarded, token_of(guarded)).partition("=")[2]

    assert status(ask(shared_page, "/", f"Cookie: {shared_page.cookie}={kept}")) == 403
    assert status(ask(shared_page, f"/?token={token_of(guarded)}")) == 403


def test_a_cookie_that_another_port_put_beside_it_shuts_nobody_out(guarded: Served) -> None:
    cookie = cookie_by(guarded, token_of(guarded)).partition(": ")[2]

    assert status(ask(guarded, "/", f"Cookie: {guarded.cookie}=x; {cookie}")) == 200
    assert status(ask(guarded, "/", f"Cookie: {cookie}; {guarded.cookie}=x")) == 200


def test_nothing_is_read_from_those_who_have_no_token(guarded: Served) -> None:
    for path in ("/", "/come-in", "/health", "/upload", "/nowhere"):
        for method in ("GET", "POST", "PUT"):
            # The rest of it never comes, and is not waited for.
            answer = ask(guarded, path, method=method, body=b"token=", announced=10**9)
            assert headers_of(answer)["connection"] == "close"


@pytest.mark.parametrize("to", ["//evil.example/", "/%2Fevil.example", "/\\evil.example"])
def test_coming_in_leads_nowhere_else(guarded: Served, to: str) -> None:
    assert status(ask(guarded, f"{to}?token={token_of(guarded)}")) == 404


def test_who_may_only_look_can_send_nothing(shared_page: Served) -> None:
    look, change = cookie_by(shared_page, LOOK), cookie_by(shared_page, CHANGE)

    assert status(ask(shared_page, "/", look)) == status(ask(shared_page, "/", change)) == 200
    # A page's own token is asked for besides, which only its web socket tells.
    assert status(ask(shared_page, "/upload?name=a.mp4", look, method="PUT")) == 403


def test_a_chosen_token_lets_people_stay_in_after_a_restart(tmp_path: Path) -> None:
    environment = {"KINODEX_UI_TOKEN": CHANGE}
    with serving(tmp_path / "library", environment=environment) as first:
        kept = cookie_by(first, CHANGE).partition("=")[2]
    with serving(tmp_path / "library", environment=environment) as second:
        assert second.entrance.endswith(f"/?token={CHANGE}")
        assert status(ask(second, "/", f"Cookie: {second.cookie}={kept}")) == 200


def test_no_other_user_reads_the_token_from_the_command_line(guarded: Served) -> None:
    command = Path(f"/proc/{guarded.process}/cmdline").read_bytes()

    assert b"ui.web.server" in command
    assert token_of(guarded).encode() not in command


def test_without_tokens_everybody_comes_in_but_no_foreign_page(tmp_path: Path) -> None:
    with serving(tmp_path / "library", "--no-token") as served:
        assert served.entrance == f"http://127.0.0.1:{served.port}/"
        assert status(ask(served, "/")) == 200
        assert status(ask(served, "/", host="evil.example")) == 421
        assert (
            status(ask(served, "/_stcore/stream", "Origin: http://x.example", *WEB_SOCKET)) == 403
        )


@pytest.mark.parametrize(
    ("settings", "environment", "why"),
    [
        ('token = "short"', {}, "token has 5 characters: it must have 16 to 200"),
        ("token = 7", {}, "[ui], token:"),
        ('token = "äöüäöüäöüäöüäöüä"', {}, "token may have the characters A-Z"),
        ('look_token = "with a space inside"', {}, "look_token may have the characters"),
        (f'token = "{CHANGE}"\nlook_token = "{CHANGE}"', {}, "nobody could only look"),
        ("", {"KINODEX_UI_TOKEN": "x" * 201}, "token has 201 characters"),
        ('hosts = ["http://x.example"]', {}, "is no name of a machine"),
        ("", {"KINODEX_UI_HOSTS": "*.example"}, "is no name of a machine"),
        ("connections = 0", {}, "[ui], connections:"),
        ("ask_within_s = inf", {}, "[ui], ask_within_s:"),
        ("upload_hours = nan", {}, "[ui], upload_hours:"),
        ("[", {}, "cannot be read"),
    ],
)
def test_a_setting_that_cannot_be_is_said_in_a_sentence_and_nothing_is_served(
    tmp_path: Path, settings: str, environment: dict[str, str], why: str
) -> None:
    (tmp_path / "library.toml").write_text(f"[ui]\n{settings}\n", encoding="utf-8")

    assert why in refused(tmp_path, environment)


def test_an_address_that_is_not_ours_is_said_in_a_sentence(tmp_path: Path, guarded: Served) -> None:
    assert "nothing can listen" in refused(tmp_path, {}, "--port", str(guarded.port))
    assert "no address of this machine" in refused(tmp_path, {}, "--address", "no..such")


def refused(library: Path, environment: dict[str, str], *options: str) -> str:
    """What `kinodex ui` says that does not start."""
    done = subprocess.run(
        [sys.executable, "-m", "ui.cli.main", "ui", "--no-browser", "-l", library, *options],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
        timeout=120,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr
