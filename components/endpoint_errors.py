"""What went wrong at a server with OpenAI's API, as a sentence with the remedy."""


def explain_failure(error: Exception, server: str) -> ValueError:
    """Return a client's error as a sentence with the remedy."""
    import openai

    words = " ".join(str(error).split())[:300]
    if isinstance(error, openai.APIConnectionError):
        return ValueError(f"{server} cannot be reached ({words}): check the address, and that the server is up")
    if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
        return ValueError(f"{server} refuses the key ({words}): set BROADFAST_LLM_API_KEY")
    if isinstance(error, openai.NotFoundError):
        remedy = "check --model (BROADFAST_LLM_MODEL); most addresses end in /v1"
        return ValueError(f"{server} has no such model or address ({words}): {remedy}")
    if isinstance(error, openai.RateLimitError):
        return ValueError(f"{server} lets nobody ask more ({words}): give a smaller --concurrency, or try later")
    if isinstance(error, openai.BadRequestError):
        remedy = (
            "--limit-name max_completion_tokens (BROADFAST_LLM_LIMIT_NAME) and --no-logprobs are for servers that "
            "want that"
        )
        return ValueError(f"{server} refuses the request ({words}): {remedy}")
    return ValueError(
        f"{server} does not answer as OpenAI's API does ({words}): check the address and the server's log"
    )
