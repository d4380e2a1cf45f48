"""Fonts of captions: what is read of their files, which characters they have, how wide texts are."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from pipeline.errors import InputError
from pipeline.render.font_tables import read_characters, read_faces
from pipeline.render.fonts import OWN_FONTS, MissingGlyphError, load_fonts

LATIN = OWN_FONTS / "NotoSans-Bold.ttf"
DEJAVU = Path("/usr/share/fonts/truetype/dejavu")


def test_a_font_tells_its_name_its_height_and_its_characters() -> None:
    (face,) = read_faces(LATIN)
    assert (face.name, face.index, face.is_bold) == ("Noto Sans Bold", 0, True)
    assert face.line_height == pytest.approx(1.362)
    characters = read_characters(face)
    assert set(map(ord, "Aéß…Жω")) <= characters
    assert not set(map(ord, "日ش😀")) & characters


@pytest.mark.parametrize("file", ["NotoSansArabic", "NotoSansHebrew", "NotoSansThai"])
def test_the_project_has_fonts_under_a_free_licence(file: str) -> None:
    (face,) = read_faces(OWN_FONTS / f"{file}-Bold.ttf")
    assert face.is_bold
    assert face.name.replace(" ", "").startswith(file)
    assert "SIL OPEN FONT LICENSE" in (OWN_FONTS / "OFL.txt").read_text()


@pytest.mark.parametrize(
    "data",
    [b"", b"no font", b"\x00\x01\x00\x00", b"ttcf" + struct.pack(">II", 0x10000, 1 << 30), LATIN.read_bytes()[:2000]],
    ids=["empty", "text", "cut", "many", "half"],
)
def test_what_is_no_font_is_refused_with_its_path(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.ttf"
    path.write_bytes(data)
    with pytest.raises(InputError, match="font") as refused:
        read_faces(path)
    assert refused.value.reason_code == "bad_font"
    assert refused.value.path == path


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("hello", "Noto Sans Bold"),
        ("Привет", "Noto Sans Bold"),
        ("سلام", "Noto Sans Arabic Bold"),
        ("שלום", "Noto Sans Hebrew Bold"),
        ("สวัสดี", "Noto Sans Thai Bold"),
        ("e\u0301", "Noto Sans Bold"),
    ],
)
def test_a_word_gets_the_first_font_that_has_all_of_it(text: str, name: str) -> None:
    ((font, _),) = load_fonts("", "und").pieces(text)
    assert font.face.name == name


def test_a_word_of_two_scripts_is_parted_by_font() -> None:
    pieces = load_fonts("", "und").pieces("iPhoneشركة")
    assert [(font.face.name, text) for font, text in pieces] == [
        ("Noto Sans Bold", "iPhone"),
        ("Noto Sans Arabic Bold", "شركة"),
    ]


def test_letters_that_no_font_has_are_named_and_symbols_left_out() -> None:
    fonts = load_fonts("", "zh")
    with pytest.raises(MissingGlyphError) as missing:
        fonts.pieces("字a幕")
    assert missing.value.letters == "字幕"
    assert [text for _, text in fonts.pieces("good😀👍🏽🏳️‍🌈!")] == ["good!"]
    assert fonts.lacks("good😀👍🏽!") == "😀👍🏽"


def test_a_wider_text_measures_more_and_a_mark_adds_nothing() -> None:
    ((font, _),) = load_fonts("", "en").pieces("hello")
    assert 0 < font.width_em("ill") < font.width_em("www")
    assert font.width_em("a\u0301") == pytest.approx(font.width_em("a"))


def test_the_users_fonts_come_first_from_a_file_or_a_folder(tmp_path: Path) -> None:
    if not DEJAVU.is_dir():
        pytest.skip("no fonts-dejavu")
    for name in ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"):
        (tmp_path / name).symlink_to(DEJAVU / name)
    ((font, _),) = load_fonts(str(DEJAVU / "DejaVuSans.ttf"), "en").pieces("hello")
    assert font.face.name == "DejaVu Sans"
    names = [font.face.name for font in load_fonts(str(tmp_path), "en").fonts]
    assert names[:3] == ["DejaVu Sans Bold", "DejaVu Sans", "Noto Sans Bold"]


def test_a_setting_that_names_no_font_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file and no folder"):
        load_fonts(str(tmp_path / "none.ttf"), "en")
    with pytest.raises(InputError, match="holds no font"):
        load_fonts(str(tmp_path), "en")
