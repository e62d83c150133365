"""The one exception that means: tell the user, in a sentence, without a traceback."""


class KinodexError(Exception):
    """Something the user can act on. Its text says what happened, to what, and what to do now."""
