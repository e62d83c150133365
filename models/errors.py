"""The one exception that means: tell the user, in a sentence, without a traceback."""


class KinodexError(Exception):
    """Something the user can act on. Its text says what happened, to what, and what to do now."""


NOT_DOWNLOADED = "could not be downloaded"  # how a face knows what it may offer instead


class ModelUnavailable(KinodexError):
    """The model named cannot be had: unknown name, no download, or a file that does not fit."""
