"""The faces for people, a command line and a page: they translate, and tasks do the work."""
