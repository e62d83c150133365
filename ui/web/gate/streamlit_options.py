"""What Streamlit is told, and that it listens to nobody else.

Streamlit reads files in the current folder and in the home folder, and variables of the
environment. A folder of somebody else's videos may hold such a file: it must not open the page to
other pages, have other folders served, or send anything anywhere.
"""

import os

from streamlit import config
from streamlit.web import bootstrap

_PREFIX = "STREAMLIT_"


def settle(address: str, port: int) -> None:
    """Give every option its value, for this process and its children.

    Raises KinodexError where this version of Streamlit would look elsewhere.
    """
    for name in [name for name in os.environ if name.startswith(_PREFIX)]:
        del os.environ[name]
    # Nor is a file read that is no TOML, which would end the program.
    setattr(config, "get_config_files", lambda _name: [])  # noqa: B010 # mypy knows it as a function
    bootstrap.load_config_options(_options(address, port))


def _options(address: str, port: int) -> dict[str, object]:
    """What matters is said, even where it is Streamlit's own choice today."""
    return {
        "browser.gatherUsageStats": False,  # no network but the one model download
        "browser.serverAddress": "localhost",
        "client.showErrorDetails": "none",
        "client.showErrorLinks": False,
        "client.toolbarMode": "viewer",
        "global.developmentMode": False,
        "logger.hideWelcomeMessage": True,
        "logger.level": "error",
        "server.address": address,
        "server.corsAllowedOrigins": [],
        "server.customComponentBaseUrlPath": "",
        "server.enableAgentApi": False,
        "server.enableCORS": True,
        "server.enableStaticServing": False,
        "server.enableXsrfProtection": True,
        "server.fileWatcherType": "none",
        "server.headless": True,  # the server opens the browser itself
        "server.maxUploadSize": 1,  # files come by addresses of our own
        "server.port": port,
        "server.runOnSave": False,
        "server.scriptHealthCheckEnabled": False,
        "server.trustedUserHeaders": {},
        "server.xsrfCookieSameSite": "strict",
    }
