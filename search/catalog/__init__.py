"""SQL: the truth. A library is opened here (`Store`)."""
