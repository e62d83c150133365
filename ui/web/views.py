"""The four views, and what stands around each."""

import functools
import traceback
from collections.abc import Callable

import streamlit as st
from streamlit.navigation.page import Page

from models.errors import KinodexError
from ui.web import browse as browse_page
from ui.web.library import page as library_page
from ui.web.search import page as search_page
from ui.web.shared import components, view_paths
from ui.web.shared.open_library import open_catalog
from ui.web.tags import page as tags_page


def draw() -> None:
    """Draw the view that the address names."""
    # Each view says its own title: one said here would show for a moment whenever it is drawn.
    st.set_page_config(page_icon=components.ICON, layout="wide")
    st.html(components.STYLE)
    views = [
        _view(search_page.draw, "Search", view_paths.SEARCH, is_first=True),
        _view(browse_page.draw, "Browse", view_paths.BROWSE),
        _view(tags_page.draw, "Tags", view_paths.TAGS),
        _view(library_page.draw, "Library", view_paths.LIBRARY),
    ]
    st.session_state[components.SEARCH_VIEW] = views[0]
    st.navigation(views, position="top").run()


def _view(draw_view: Callable[[], None], title: str, path: str, *, is_first: bool = False) -> Page:
    return st.Page(_explained(draw_view), title=title, url_path=path, default=is_first)


def unforeseen(error: Exception) -> KinodexError:
    """What a visitor is told of an error that is ours, or of a damaged library."""
    try:
        open_catalog().blame_damage(error)
    except KinodexError as explained:
        return explained
    except Exception:
        traceback.print_exc()
    return KinodexError(
        "Kinodex failed here in a way that it did not foresee. The terminal in which it was "
        "started says more; 'kinodex verify' tells whether the library is sound"
    )


def _explained(draw_view: Callable[[], None]) -> Callable[[], None]:
    """A view whose errors are sentences."""

    @functools.wraps(draw_view)
    def drawn() -> None:
        try:
            draw_view()
        except KinodexError as error:
            components.message(error)
        except Exception as error:  # Streamlit's own signals are no Exceptions
            traceback.print_exc()
            components.message(unforeseen(error))

    return drawn
