"""What tests of several folders share: ``from tests.support.film import Film``."""
