"""Addresses in messages."""

import re


def hide_passwords(text: str) -> str:
    """Replace the passwords of addresses in a text.

    >>> hide_passwords("GET http://night:hunter2@mlflow:5000/api failed")
    'GET http://night:***@mlflow:5000/api failed'
    """
    return re.sub(r"(://[^/\s:@]*):[^@\s]+@", r"\1:***@", text)
