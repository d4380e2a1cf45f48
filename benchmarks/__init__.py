"""Commands that measure; nothing of the product imports them."""
