"""When two queries are one: a rule for splits of judgements and for drafts of pages alike."""

import unicodedata


def normalise_query(text: str) -> str:
    """Return a query's text as it is compared: NFKC, without case and extra blanks."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
