"""What a reader of a look's figures has to know about its logs, in sentences with the remedy."""

from components.experiment.records import DAY_S, Accounts

LEAST_SHARE = 0.01  # of the outcomes, below which late and early ones are counted and not mentioned
MOST = 0.5  # of the outcomes
WORDS = {  # of other logs' kinds, by our kind: the first that fits is suggested
    "refund": ("refund", "return"),
    "order": ("purchase", "buy", "bought", "transaction", "order"),
    "click": ("click", "select"),
}


def describe_logs(accounts: Accounts, currency: str) -> list[str]:
    """Return sentences on how the logs were read and which outcomes do not count."""
    return [
        *accounts.notes,
        *_describe_kinds(accounts),
        *_describe_unmatched(accounts),
        *_describe_times(accounts),
        *_describe_amounts(accounts),
        *_describe_currency(accounts, currency),
        *_describe_refunds(accounts),
    ]


def explain_missing_sales(accounts: Accounts) -> str:
    """Return why nothing that was sold counts, with the remedy."""
    unknown = accounts.outcomes_set_aside.get("unknown kind", 0)
    has_unknown_orders = any(guess_kind(name) == "order" for name in accounts.unknown_kinds)
    if has_unknown_orders or unknown > MOST * accounts.outcomes:
        share = f"{unknown / accounts.outcomes:.0%} of outcomes are of kinds that are not known"
        return f"{share}: map them, as in {kinds_option(accounts)}"
    strangers = accounts.outcomes_set_aside.get("no exposure", 0)
    if strangers > MOST * accounts.outcomes:
        share = f"{strangers / accounts.outcomes:.0%} of outcomes match no exposure"
        return f"{share}: compare request_id and item_id of both logs"
    if accounts.orders and accounts.orders == sum(accounts.orders_set_aside.values()):
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in accounts.orders_set_aside.items())
        return f"none of {accounts.orders:,} orders and refunds counts ({reasons})"
    return "nothing was sold in either arm"


def guess_kind(name: str) -> str:
    """Return our kind that another log's word most likely means, '' where none fits."""
    for kind, words in WORDS.items():
        if any(word in name for word in words):
            return kind
    return ""


def kinds_option(accounts: Accounts) -> str:
    """Return the option that maps unknown kinds by their names, orders first."""
    names = sorted(accounts.unknown_kinds, key=lambda name: (-accounts.unknown_kinds[name], name))
    pairs = []
    for kind in ("order", "refund", "click"):
        pairs += [f"{kind}={name}" for name in names if guess_kind(name) == kind]
    return f"--kinds {','.join(pairs) or 'order=NAME'}"


def _describe_unmatched(accounts: Accounts) -> list[str]:
    count = accounts.outcomes_set_aside.get("no exposure", 0)
    if count <= MOST * accounts.outcomes:
        return []
    return [
        f"{_share(count, accounts.outcomes)} of the outcomes match no exposure: compare request_id and item_id of both "
        "logs"
    ]


def _describe_kinds(accounts: Accounts) -> list[str]:
    if not accounts.unknown_kinds:
        return []
    count = accounts.outcomes_set_aside["unknown kind"]
    by_count = sorted(accounts.unknown_kinds.items(), key=lambda kind: (-kind[1], kind[0]))
    kinds = ", ".join(f"{kind} ({rows:,})" for kind, rows in by_count)
    return [
        f"{_share(count, accounts.outcomes)} of the outcomes are of kinds that are not known: {kinds}. "
        f"Say which are orders, clicks, refunds or grades, as in {kinds_option(accounts)}"
    ]


def _describe_times(accounts: Accounts) -> list[str]:
    sentences = []
    early = accounts.outcomes_set_aside.get("too early", 0)
    if early > LEAST_SHARE * accounts.outcomes:
        sentences.append(
            f"{_share(early, accounts.outcomes)} of the outcomes do not count because they are earlier than their "
            f"exposure: check the clocks and time zones of both logs (--zone)"
        )
    late = accounts.outcomes_set_aside.get("too late", 0)
    if late > LEAST_SHARE * accounts.outcomes:
        sentences.append(
            f"{_share(late, accounts.outcomes)} of the outcomes do not count because they came more than "
            f"{_days(accounts.outcome_window_s)} after their exposure: give a longer window by --window-days"
        )
    return sentences


def _describe_amounts(accounts: Accounts) -> list[str]:
    count = accounts.outcomes_set_aside.get("no amount", 0)
    if not count:
        return []
    return [
        f"{count:,} orders and refunds do not count because their revenue is no plausible number: give whole minor "
        "units (cents), with no sign of the currency and no comma"
    ]


def _describe_currency(accounts: Accounts, currency: str) -> list[str]:
    count = accounts.outcomes_set_aside.get("another currency", 0)
    if not count:
        return []
    return [
        f"{count:,} orders and refunds do not count because they are in another currency than {currency}: convert "
        "them when logging, or name the currency by --currency"
    ]


def _describe_refunds(accounts: Accounts) -> list[str]:
    if not accounts.refunds:
        return []
    return [
        f"{accounts.refunds:,} refunds are logged: each is taken off its order's exposure where it comes within "
        f"{_days(accounts.refund_window_s)} of the order"
    ]


def _share(count: int, total: int) -> str:
    return f"{count:,} ({count / total:.1%})"


def _days(seconds: float) -> str:
    days = seconds / DAY_S
    return f"{days:g} day{'' if days == 1 else 's'}"
