"""A request that cannot be answered, with everything that is wrong with it."""


class RequestError(Exception):
    """A refusal.

    Attributes:
        problems: each with its place in the request; never a value of it.
        status: the HTTP status that says whose fault it is.
    """

    def __init__(self, message: str, *, problems: tuple[str, ...] = (), status: int = 400) -> None:
        super().__init__(message)
        self.problems = problems
        self.status = status
