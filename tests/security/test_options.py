"""Files that Streamlit would read, in a folder of somebody else's, change nothing."""

from pathlib import Path

import pytest

from tests.browser.server import Served, serving
from tests.security.asking import WEB_SOCKET, ask, cookie_by, headers_of, status, token_of

HOSTILE = """
[browser]
gatherUsageStats = true
serverAddress = "evil.example"
[client]
showErrorDetails = "full"
toolbarMode = "developer"
[global]
developmentMode = true
[server]
address = "0.0.0.0"
allowedHosts = ["*"]
baseUrlPath = "elsewhere"
corsAllowedOrigins = ["http://evil.example"]
enableAgentApi = true
enableCORS = false
enableStaticServing = true
enableXsrfProtection = false
maxUploadSize = 100000
scriptHealthCheckEnabled = true
trustedUserHeaders = { "X-User" = "email" }
[theme]
font = "http://evil.example/font.css"
"""
ENVIRONMENT = {
    "STREAMLIT_SERVER_ADDRESS": "0.0.0.0",
    "STREAMLIT_SERVER_ENABLE_CORS": "false",
    "STREAMLIT_SERVER_ENABLE_STATIC_SERVING": "true",
    "STREAMLIT_SERVER_COOKIE_SECRET": "known to all",
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "true",
}


@pytest.mark.parametrize("content", [HOSTILE, "this is [ no TOML", "\xff\xfe"])
def test_no_file_or_variable_of_streamlit_is_obeyed(tmp_path: Path, content: str) -> None:
    folder, home = tmp_path / "folder", tmp_path / "home"
    for place in (folder, home):
        (place / ".streamlit").mkdir(parents=True)
        for name in ("config.toml", "secrets.toml"):
            (place / ".streamlit" / name).write_text(content, encoding="latin-1")
        (place / "static").mkdir()
        (place / "static" / "secret.txt").write_text("secret")
    environment = {**ENVIRONMENT, "HOME": str(home)}

    with serving(tmp_path / "library", environment=environment, folder=folder) as served:
        assert_safe(served)


def assert_safe(served: Served) -> None:
    cookie = cookie_by(served, token_of(served))
    assert listens_at(served) == "127.0.0.1"
    config = ask(served, "/_stcore/host-config", cookie)
    assert status(config) == 200
    assert "evil.example" not in config
    shell = ask(served, "/", cookie)
    assert status(shell) == 200
    assert "access-control-allow-origin" not in headers_of(shell)
    for path in ("/elsewhere", "/app/static/secret.txt", "/_stcore/agent", "/_stcore/metrics"):
        assert status(ask(served, path, cookie)) == 404
    foreign = ask(served, "/_stcore/stream", cookie, "Origin: http://evil.example", *WEB_SOCKET)
    assert status(foreign) == 403


def listens_at(served: Served) -> str:
    """The number that a server listens at, as the system has it."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        place, state = line.split()[1], line.split()[3]
        number, port = place.split(":")
        if state == "0A" and int(port, 16) == served.port:
            return ".".join(str(byte) for byte in reversed(bytes.fromhex(number)))
    return "nowhere in IPv4"


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "OPTIONS", "GET"])
def test_streamlits_own_address_for_uploads_is_closed(guarded: Served, method: str) -> None:
    cookie = cookie_by(guarded, token_of(guarded))

    answer = ask(guarded, "/_stcore/upload_file/session/file", cookie, method=method, body=b"x")

    assert status(answer) == 404


def test_no_packet_leaves_the_machine(tmp_path: Path) -> None:
    from tests.programs import needed

    trace = tmp_path / "trace"
    strace = (needed("strace"), "-f", "-qq", "-e", "trace=connect,sendto,sendmsg", "-o", str(trace))
    options = ("--address", "0.0.0.0")
    environment = {"KINODEX_UI_HOSTS": "videos.example"}
    with serving(tmp_path / "library", *options, environment=environment, before=strace) as served:
        cookie = cookie_by(served, token_of(served))
        for origin in ("http://evil.example", "http://videos.example", "http://127.0.0.1"):
            for path in (
                "/",
                "/_stcore/health",
                "/media/x",
                "/component/x",
                "/_stcore/host-config",
            ):
                ask(served, path, cookie, f"Origin: {origin}", host="videos.example")
            ask(served, "/_stcore/stream", cookie, f"Origin: {origin}", *WEB_SOCKET)
        ask(served, "/_stcore/stream", cookie, "Origin: http://evil.example", *WEB_SOCKET)

    lines = trace.read_text(errors="replace").splitlines()
    outward = [line for line in lines if "AF_INET" in line and not _is_inward(line)]
    assert outward == []


def _is_inward(line: str) -> bool:
    if "htons(53)" in line:  # a question for names, which somebody would pass on
        return False
    return 'inet_addr("127.' in line or 'inet_pton(AF_INET6, "::1"' in line
