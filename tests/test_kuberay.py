"""The manifest for Kubernetes fits the project: its command line, its volumes, its version of Ray."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from config import Config
from pipeline.flags import add_flags, from_flags

yaml = pytest.importorskip("yaml", reason="PyYAML comes with Ray (requirements-ray.txt)")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def parts() -> dict[str, dict[str, Any]]:
    """The manifest's objects by their kind."""
    return {part["kind"]: part for part in yaml.safe_load_all((ROOT / "docs" / "kuberay.yaml").read_text())}


@pytest.fixture(scope="module")
def cluster(parts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return parts["RayJob"]["spec"]["rayClusterSpec"]


@pytest.fixture(scope="module")
def pods(cluster: dict[str, Any]) -> list[dict[str, Any]]:
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    return [group["template"]["spec"] for group in groups]


def test_the_product_understands_the_command_line(parts: dict[str, dict[str, Any]]) -> None:
    words = shlex.split(parts["RayJob"]["spec"]["entrypoint"])
    assert words[:2] == ["/opt/venv/bin/python", "/app/optimized_runner.py"]
    parser = argparse.ArgumentParser()
    parser.add_argument("videos")
    add_flags(parser, Config)
    config = from_flags(Config, parser.parse_args(words[2:]))
    assert (config.ENGINE, config.RAY_ADDRESS, config.DOWNLOAD_WEIGHTS) == ("ray", "auto", False)


def test_teams_fill_the_gpu_of_a_pod(parts: dict[str, dict[str, Any]], pods: list[dict[str, Any]]) -> None:
    found = re.findall(r"--ray-(?:vision|speech)-gpus (\S+)", parts["RayJob"]["spec"]["entrypoint"])
    assert 1 / sum(map(float, found)) == 2
    assert pods[1]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"


def test_every_pod_sees_the_same_folders(parts: dict[str, dict[str, Any]], pods: list[dict[str, Any]]) -> None:
    claim = parts["PersistentVolumeClaim"]
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    for pod in pods:
        (volume,) = pod["volumes"]
        (mount,) = pod["containers"][0]["volumeMounts"]
        assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
        assert (mount["name"], mount["mountPath"]) == (volume["name"], "/data")


def test_a_stranger_needs_a_token(cluster: dict[str, Any]) -> None:
    assert cluster["authOptions"] == {"mode": "token"}
    assert cluster["headGroupSpec"]["serviceType"] == "ClusterIP"


def test_the_version_of_ray_is_the_one_that_is_installed(cluster: dict[str, Any]) -> None:
    pinned = re.search(r"^ray(?:\[[^]]*\])?==(\S+)", (ROOT / "requirements-ray.txt").read_text(), re.MULTILINE)
    assert pinned is not None
    assert cluster["rayVersion"] == pinned[1]
