"""What goes wrong, and what is worth knowing."""


class Error(Exception):
    """What went wrong: `message` says what, `hint` what to do about it (or is None)."""

    def __init__(self, message: str, hint: str | None = None):
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}: {self.hint}"


class Note(UserWarning):
    """What a person should know of a result beside its figures."""
