"""Videos and results on a storage that is no folder of this machine: objects named by URLs, and their mirror here."""
