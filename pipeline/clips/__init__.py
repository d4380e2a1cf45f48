"""From words and scored faces to sentences, their speakers and their clips."""
