"""The contents of a wheel: all inside ``lipgen``, so that no ``config`` or ``pipeline`` stands in site-packages."""

from setuptools import find_packages, setup

setup(
    packages=["lipgen", *(f"lipgen.{name}" for name in find_packages(include=["pipeline*", "s3fd*", "talknet*"]))],
    package_dir={"lipgen": "."},
    package_data={"lipgen": ["requirements.txt"], "lipgen.pipeline.run": ["*.json"]}
    | {"lipgen.pipeline.outputs": ["*.json", "templates/*"], "lipgen.pipeline.framing": ["*.json"]}
    | {"lipgen.pipeline.render": ["*.json", "caption_fonts/*"]},
)
