"""Attribution of words to speakers, and of words to sentences."""
