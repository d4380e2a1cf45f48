"""Report and contact sheets of a finished video, also made anew."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from pipeline.clips import pages
from pipeline.clips.pages import main, write_pages
from pipeline.media.probe import probe
from tests.support.film import Film
from tests.support.finished import Finished, finished

pytestmark = pytest.mark.slow


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A video of 18 s that the sentences of `finished` are imagined in."""
    film = Film(tmp_path)
    tone = film.tone(16_000, 1.0)
    return film.make(
        "source.mp4", film.times(Fraction(5), 18), Fraction(1, 5), sound=[(Fraction(0), tone)], sound_codec="aac"
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "results"


def _done(source: Path, folder: Path) -> Finished:
    done = finished(path=source)
    done.write(folder)
    done.make_clips(folder, source.parent)
    return done


def test_the_worker_s_values_become_a_page_with_posters_and_sheets(source: Path, folder: Path) -> None:
    done = _done(source, folder)
    path = write_pages(folder, probe(source), done.manifest, done.transcript, done.tracks, {"vision": 2.0})
    text = path.read_text()
    assert text.count("data:image/jpeg") == 5
    assert [sheet.name for sheet in sorted((folder / "persons").iterdir())] == ["person_000.jpg", "person_001.jpg"]
    assert text.count("./persons/person_00") == 2


@pytest.mark.parametrize(("gaps", "first_frame"), [([], 0), ([[3.2, 4.0]], 0), ([[3.0, 3.4]], 10), ([[3.0, 5.0]], 49)])
def test_a_poster_shows_the_speaker(monkeypatch: pytest.MonkeyPatch, folder: Path, gaps, first_frame: int) -> None:
    """The clip of 25 fps lasts from 3 to 5 s; where the speaker is never in view its last frame must do."""
    asked = []
    monkeypatch.setattr(pages, "clip_poster", lambda path, first: asked.append(first))
    done = finished(2, is_dropped=lambda index: index == 0)
    done.manifest["clips"][0]["not_in_view"] = gaps
    write_pages(folder, None, done.manifest, done.transcript, done.tracks, {})
    assert asked == [first_frame]


def test_the_pages_of_a_finished_folder_are_made_anew(source: Path, folder: Path, capsys) -> None:
    done = _done(source, folder)
    path = write_pages(folder, probe(source), done.manifest, done.transcript, done.tracks, {})
    first = path.read_bytes()
    path.unlink()
    assert main([str(folder)]) == 0
    assert path.read_bytes() == first
    assert capsys.readouterr().out.strip() == str(path)


def test_without_the_source_the_sheets_stay(source: Path, folder: Path, capsys) -> None:
    _done(source, folder)
    assert main([str(folder)]) == 0
    source.unlink()
    assert main([str(folder)]) == 0
    assert "The contact sheets are left as they are" in capsys.readouterr().err
    assert "./persons/person_001.jpg" in (folder / "report.html").read_text()


def test_a_folder_that_is_none_of_ours(tmp_path: Path, capsys) -> None:
    assert main([str(tmp_path)]) == 1
    assert "manifest.json" in capsys.readouterr().err
