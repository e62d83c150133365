"""Whatever a request holds, it is answered by a refusal and no error."""

import os
import random
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser.server import Served
from tests.security.asking import ask, cookie_by, status, token_of

REFUSALS = {200, 204, 307, 400, 403, 404, 405, 416, 421}
PARTS = [
    *(
        "/",
        "/library",
        "/tags",
        "/come-in",
        "/health",
        "/media/",
        "/static/",
        "/clips/",
        "/component/",
    ),
    *(
        "/_stcore/",
        "/_stcore/bidi-components/",
        "..",
        "%2e%2e/",
        "%00",
        "%ff",
        "//",
        "\\",
        "?",
        "&",
    ),
    *("token=", "token", "=", "%", "%zz", "+", ";", "#", "etc/passwd", "a" * 300, "\xe9", "{}"),
]


@pytest.mark.parametrize("seed", range(8))
def test_odd_requests_are_answered_and_the_page_lives_on(guarded: Served, seed: int) -> None:
    chance = random.Random(seed)
    cookie = cookie_by(guarded, token_of(guarded))
    for _ in range(40):
        path = "/" + "".join(chance.choices(PARTS, k=chance.randint(0, 6)))
        names = chance.choices(["Cookie", "Origin", "Sec-Fetch-Site", "Range", "X-Odd"], k=2)
        lines = [f"{name}: {''.join(chance.choices(PARTS, k=3))}" for name in names]
        method = chance.choice(["GET", "HEAD", "POST", "PUT", "TRACE", "ODD"])
        body = chance.randbytes(chance.randint(0, 200))
        with_cookie = [cookie] * chance.randint(0, 1)
        answer = ask(guarded, path, *lines, *with_cookie, method=method, body=body)
        assert status(answer) in REFUSALS, (method, path, lines)
        assert "root:" not in answer
    assert status(ask(guarded, "/health")) == 200


def test_the_browser_is_led_in_by_a_file_that_its_owner_alone_can_read(tmp_path: Path) -> None:
    opened, browser = tmp_path / "opened", tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o755)
    code = (
        "import time; from pathlib import Path; from ui.web.gate.entrance import open_browser\n"
        "with open_browser('http://127.0.0.1/?token=secret-token'):\n"
        f"    while not Path({str(opened)!r}).exists() or not Path({str(opened)!r}).read_text():\n"
        "        time.sleep(0.01)\n"
        f"    file = Path({str(opened)!r}).read_text().strip().removeprefix('file://')\n"
        "    print(oct(Path(file).parent.stat().st_mode))\n"
        "    print('secret-token' in Path(file).read_text())\n"
        "print(Path(file).exists())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "BROWSER": f"{browser} %s", "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert done.stdout.split() == [oct(stat.S_IFDIR | 0o700), "True", "False"]
    assert "secret-token" not in opened.read_text()
