"""Score query-item pairs with a package: tokenizer, runtimes, item cache, scorer. No torch."""
