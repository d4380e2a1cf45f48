"""Yardsticks: the published demos, and our own code of before."""
