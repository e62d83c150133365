"""Lists of labels: those that ship with the program, and people's own files.

A list is a text file in UTF-8 with one label a line. Empty lines and lines that begin with `#` do
not count.
"""

from search.vocabularies.reading import (
    AUTO,
    BadVocabulary,
    WordList,
    clean_label,
    default_name,
    read_vocabulary,
)

__all__ = [
    "AUTO",
    "BadVocabulary",
    "WordList",
    "clean_label",
    "default_name",
    "read_vocabulary",
]
