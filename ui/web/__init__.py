"""The page: Streamlit views of one library, and the server that shows them."""
