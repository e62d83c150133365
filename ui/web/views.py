"""The four views, and what stands around each."""

import functools
from collections.abc import Callable

import streamlit as st

from models.errors import KinodexError
from ui.web import browse as browse_page
from ui.web.library import page as library_page
from ui.web.search import page as search_page
from ui.web.shared import components
from ui.web.tags import page as tags_page


def draw() -> None:
    """Draw the view that the address names."""
    # Each view says its own title: one said here would show for a moment whenever it is drawn.
    st.set_page_config(page_icon=components.ICON, layout="wide")
    st.html(components.STYLE)
    views = [
        st.Page(_explained(search_page.draw), title="Search", url_path="search", default=True),
        st.Page(_explained(browse_page.draw), title="Browse", url_path="browse"),
        st.Page(_explained(tags_page.draw), title="Tags", url_path="tags"),
        st.Page(_explained(library_page.draw), title="Library", url_path="library"),
    ]
    st.session_state[components.SEARCH_VIEW] = views[0]
    st.navigation(views, position="top").run()


def _explained(draw_view: Callable[[], None]) -> Callable[[], None]:
    """A view whose errors are sentences."""

    @functools.wraps(draw_view)
    def drawn() -> None:
        try:
            draw_view()
        except KinodexError as error:
            components.message(error)

    return drawn
