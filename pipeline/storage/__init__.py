"""Storages, which are no folder of this machine: objects named by URLs, and their mirror here."""
