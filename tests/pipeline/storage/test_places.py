"""What the user names as the place of videos or results."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from pipeline.errors import InputError
from pipeline.storage.objects import listing, push
from pipeline.storage.places import check, checked, folder_of, is_url, places


class TestUrls:
    @pytest.mark.parametrize("text", ["s3://bucket/a", "S3://bucket", "https://example.org/a.mp4", "file:///videos"])
    def test_a_url_is_known_by_its_protocol(self, text: str) -> None:
        assert is_url(text)

    @pytest.mark.parametrize("text", ["/videos", "videos", "s3:/bucket", "", "a b://c", "C:\\videos", Path("s3://b")])
    def test_a_path_is_none(self, text: object) -> None:
        assert not is_url(text)

    @pytest.mark.parametrize(("given", "meant"), [("S3://b/a//", "s3://b/a"), ("file:///a/", "file:///a")])
    def test_one_place_has_one_url(self, given: str, meant: str) -> None:
        assert checked(given) == meant

    @pytest.mark.parametrize("url", ["http://h/a", "simplecache::s3://b", "memory://a", "s3://", "file://a/b"])
    def test_what_is_not_served_is_refused(self, url: str) -> None:
        with pytest.raises(InputError) as raised:
            checked(url)
        assert raised.value.reason_code == "bad_setting"

    @pytest.mark.slow
    def test_results_lie_beside_the_videos_where_nothing_else_is_said(self, place: str, tmp_path: Path) -> None:
        (tmp_path / "a.mp4").touch()
        push(tmp_path / "a.mp4", f"{place}/v/a.mp4")
        assert places(f"{place}/v/", "") == (f"{place}/v", f"{place}/v")
        assert places(f"{place}/v/a.mp4", "") == (f"{place}/v/a.mp4", f"{place}/v")
        assert places(f"{place}/v/a.mp4", "/out") == (f"{place}/v/a.mp4", "/out")
        assert places("/videos", f"{place}/out/") == ("/videos", f"{place}/out")
        assert folder_of(f"{place}/nothing") == f"{place}/nothing"


class TestCheck:
    @pytest.mark.slow
    def test_a_machine_that_can_do_everything_passes_and_leaves_nothing(self, place: str) -> None:
        again = pickle.loads(pickle.dumps(check))  # noqa: S301 - as it is sent to another machine
        again(f"{place}/videos", f"{place}/out")
        assert listing(place) == []

    def test_paths_are_not_looked_at(self) -> None:
        check("/nowhere", "")

    def test_a_bucket_that_is_not_there_is_named(self, bucket: str) -> None:
        for source, output in (("s3://nobody-has-this/v", bucket), (bucket, "s3://nobody-has-this/out")):
            with pytest.raises(InputError, match="nobody-has-this"):
                check(source, output)

    @pytest.mark.slow
    def test_a_place_that_cannot_be_written_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(InputError, match="file/out"):
            check("", (tmp_path / "file" / "out").as_uri())
