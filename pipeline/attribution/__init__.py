"""Who says each word, and the sentences that the words make."""
