"""What `streamlit run` is given. Child processes import it too, so it does nothing for them."""

if __name__ == "__main__":
    from ui.web.views import draw

    draw()
