"""``report.html`` as text; `tests/browser` opens it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest

from config import Config
from pipeline.outputs import report as module
from pipeline.outputs.manifest import read_manifest
from pipeline.outputs.report import write_report
from pipeline.types import Losses
from tests.support.finished import finished


def _text(folder: Path, **changed) -> str:
    done = finished(**changed)
    path = write_report(folder, done.manifest, done.transcript, done.tracks, {"vision": 1.25, "clips": 3.0})
    assert path == folder / "report.html"
    return path.read_text(encoding="utf-8")


def test_it_names_nothing_outside(tmp_path: Path) -> None:
    assert re.findall(r"(?:https?:|url\(|@import|//[a-z])", _text(tmp_path)) == []


def test_text_from_the_video_is_escaped(tmp_path: Path) -> None:
    text = _text(tmp_path, text_of=lambda index: " <script>alert(1)</script>")
    assert "<script>alert" not in text
    assert text.count("<script") == 2
    assert "&lt;script&gt;alert(1)" in text
    assert "a &lt;b&gt; &#39;c&#39; #1.mp4" in text


def test_the_policy_allows_the_script_that_is_there_and_no_other(tmp_path: Path) -> None:
    text = _text(tmp_path)
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in text
    assert "default-src 'none'" in text


def test_stand_ins_losses_settings_and_timings_are_told(tmp_path: Path) -> None:
    text = _text(tmp_path, losses=Losses(missing_s=2.5), config=Config(CLIP_CRF=30))
    assert "<b>mtcnn</b> stands in for <b>s3fd</b>" in text
    assert "the last 2.5 s of the picture are missing" in text
    assert "<td>CLIP_CRF</td><td>30</td>" in text
    assert '<td>vision</td><td class="number">1.2</td>' in text


def test_speaking_time_is_told(tmp_path: Path) -> None:
    """Of five sentences of two seconds two are speaker 1's and three speaker 2's; one more is off screen."""
    table = re.search(r'<table id="speaking">.*?</table>', _text(tmp_path), re.DOTALL)
    assert table
    cells = [re.sub(r"<.*?>", "\n", row).split("\n") for row in re.findall(r"<tr class.*?</tr>", table[0])]
    assert [[cell for cell in row if cell] for row in cells] == [
        ["Speaker 1", "0:06.0", "50 %", "3", "12", "0:18.0"],
        ["Speaker 2", "0:04.0", "33 %", "2", "8", "0:18.0"],
        ["Off-screen", "0:02.0", "17 %", "1", "4"],
    ]


def test_a_manifest_of_an_older_version_has_no_speaking_time(tmp_path: Path) -> None:
    done = finished()
    del done.manifest["speaking"]
    path = write_report(tmp_path, done.manifest, done.transcript, done.tracks, {})
    assert 'id="speaking"' not in path.read_text()
    assert read_manifest(done.write(tmp_path))["clips"]


@pytest.mark.parametrize(
    ("fields", "told"),
    [({"language_probability": 0.256}, "en (0.26)"), ({"language_probability": None}, "en"), ({}, "en")],
    ids=["detected", "named", "older version"],
)
def test_the_language_is_told_with_its_probability(tmp_path: Path, fields: dict[str, float], told: str) -> None:
    done = finished()
    del done.manifest["source"]["language_probability"]
    done.manifest["source"] |= fields
    path = write_report(tmp_path, done.manifest, done.transcript, done.tracks, {})
    assert f"<li>language {told}</li>" in path.read_text()


def test_nothing_is_said_of_what_did_not_happen(tmp_path: Path) -> None:
    text = _text(tmp_path, is_dropped=lambda index: False)
    assert 'id="losses"' not in text
    assert 'id="dropped"' not in text
    assert '<table id="settings">' not in text


def test_a_name_that_is_no_utf8(tmp_path: Path) -> None:
    assert "<title>\ufffd.mp4" in _text(tmp_path, path=Path("/v/\udcff.mp4"))


def test_a_video_without_a_word(tmp_path: Path) -> None:
    assert "<b>0</b> clips" in _text(tmp_path, count=0)


def test_only_so_many_posters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_POSTERS", 2)
    done = finished()
    posters = {clip["clip"]: b"x" for clip in done.manifest["clips"]}
    path = write_report(tmp_path, done.manifest, done.transcript, done.tracks, {}, posters=posters)
    assert path.read_text().count("data:image/jpeg") == 2


def test_contact_sheets_are_linked(tmp_path: Path) -> None:
    done = finished()
    sheets = {1: tmp_path / "persons" / "person_001.jpg"}
    path = write_report(tmp_path, done.manifest, done.transcript, done.tracks, {}, sheets=sheets)
    assert '"./persons/person_001.jpg"' in path.read_text()


def _doubtful(folder: Path, rerun: tuple[str, ...]) -> str:
    """A report whose one dropped sentence is doubtful."""
    done = finished()
    done.manifest["dropped"][0]["reason_code"] = "uncertain_speaker"
    return write_report(folder, done.manifest, done.transcript, done.tracks, {}, rerun=rerun).read_text()


def test_the_command_that_keeps_doubtful_sentences_can_be_copied(tmp_path: Path) -> None:
    text = _doubtful(tmp_path, ("/v/</script>a b.mp4",))
    assert text.count("data-keep") == 3  # over the list, beside the sentence, and in the script
    (block,) = re.findall(r'id="data">(.*?)</script>', text, re.DOTALL)
    assert json.loads(block)["keep"] == "python optimized_runner.py '/v/</script>a b.mp4' --keep-doubtful"


def test_the_flag_is_named_where_the_command_is_not_known(tmp_path: Path) -> None:
    text = _doubtful(tmp_path, ())
    assert "<code>--keep-doubtful</code>" in text
    assert '<button type="button" data-keep' not in text


def test_nothing_of_the_command_is_in_a_page_without_doubtful_sentences(tmp_path: Path) -> None:
    done = finished()
    path = write_report(tmp_path, done.manifest, done.transcript, done.tracks, {}, rerun=("/v/a.mp4", "--scenes", "/s"))
    assert 'id="keep"' not in path.read_text()
    assert "--scenes" not in path.read_text()


def test_names_of_files_that_are_no_utf8_are_shown(tmp_path: Path) -> None:
    done = finished(config=Config(WHISPER_MODEL_SIZE="\udcff.pt"))
    done.manifest["models"][0]["file"] = "\udcff.json"
    text = write_report(tmp_path, done.manifest, done.transcript, done.tracks, {}).read_text()
    assert "<td>\ufffd.json</td>" in text
    assert "<td>WHISPER_MODEL_SIZE</td><td>\ufffd.pt</td>" in text


def test_the_reliability_of_the_model_is_drawn_beside_the_video_s_own_probabilities(tmp_path: Path) -> None:
    """Five sentences have a clip, the one that was dropped has no probability."""
    done = finished()
    done.manifest["models"].append(done.manifest["models"][1] | {"name": "lr-asd-ava"})
    text = write_report(tmp_path, done.manifest, done.transcript, done.tracks, {}).read_text()
    assert "<b>5</b> with a clip (filled) and <b>0</b> dropped" in text
    assert "Reliability of lr-asd + lr-asd-ava" in text
    assert text.count("words are right</title>") == 17  # bins of at least ten words: 6, 6 and 5
    assert "was not measured" not in text


def test_a_model_without_a_measurement_is_said_to_have_none(tmp_path: Path) -> None:
    text = _text(tmp_path)
    assert "It was not measured how often <b>lr-asd</b> is right" in text
    assert "words are right</title>" not in text
    assert 'id="sure-title"' not in _text(tmp_path, count=0)
