"""An item's key in the feature store: its id, and with it the locale where one id has several texts.

The text of the default locale, or of the only one, lies under the id alone. Texts of other locales lie under id and
locale.
"""

SEPARATOR = "\x1f"  # a blank to `str.split`, so that no id holds it
DEFAULT_LOCALE = "us"  # of judgements and requests that name none


def item_key(item_id: str, locale: str) -> str:
    """Return the key of an item's text in a locale that is not its default."""
    return f"{item_id}{SEPARATOR}{locale}"


def plain_item_id(key: str) -> str:
    """Return the item's id of a key."""
    return key.split(SEPARATOR, 1)[0]
