"""What a command asks for: models, transcripts, scenes, sound, and what is still to be done."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from pathlib import Path

import pytest

from pipeline.errors import WeightsError
from pipeline.machine import resolved
from pipeline.models import store
from pipeline.results import note_made
from pipeline.run import plan, runner
from pipeline.speech.checkpoints import own as own_checkpoints
from pipeline.types import ModelChoice
from tests.support.noted_runs import CPU, Seen, names, noting_executor, two_files  # noqa: F401 - the last two are fixtures


class TestModels:
    def test_the_whisper_model_is_the_one_that_is_asked_for(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for wanted, stands_for in (("auto", "whisper-base"), ("small", "whisper-small"), ("pocketsphinx", None)):
            config = resolved(dataclasses.replace(CPU, WHISPER_MODEL_SIZE=wanted))
            assert plan.chosen_models(config)[2].stands_in_for == stands_for
        monkeypatch.setattr(own_checkpoints, "digest_of", lambda path: "d" * 64)
        own = tmp_path / "own.pt"
        own.write_bytes(b"a checkpoint")
        choice = plan.chosen_models(resolved(dataclasses.replace(CPU, WHISPER_MODEL_SIZE=str(own))))[2]
        assert (choice.name, choice.weights, choice.sha256) == ("own.pt", own, "d" * 64)

    def test_nothing_stands_in_for_whisper_in_another_language(self) -> None:
        with pytest.raises(WeightsError, match="PocketSphinx"):
            plan.chosen_models(resolved(dataclasses.replace(CPU, WHISPER_LANGUAGE="ja")))

    def test_weights_dir_and_model_names_act(self, shared: Path) -> None:
        config = dataclasses.replace(
            CPU, WEIGHTS_DIR=str(shared / "weights"), FACE_DETECTOR="yunet", SPEAKER_MODEL="lr-asd"
        )
        faces, speaking, *_ = plan.chosen_models(resolved(config))
        assert (faces.name, speaking.name) == ("yunet", "lr-asd")
        assert faces.weights == shared / "weights" / "yunet_n_dynamic.onnx" and faces.stands_in_for is None

    def test_identity_model_acts(self, shared: Path) -> None:
        config = dataclasses.replace(CPU, WEIGHTS_DIR=str(shared / "weights"))
        for wanted, name in (("mobilefacenet", "mobilefacenet"), ("by-framing", "by-framing"), ("none", "by-track")):
            identity = plan.chosen_models(resolved(dataclasses.replace(config, IDENTITY_MODEL=wanted)))[3]
            assert (identity.role, identity.name, identity.stands_in_for) == ("identity", name, None)
        for wanted in ("sface", "auraface"):
            identity = plan.chosen_models(resolved(dataclasses.replace(config, IDENTITY_MODEL=wanted)))[3]
            assert (identity.name, identity.stands_in_for) == ("by-framing", wanted)

    def test_download_weights_acts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        tried = []

        def refuse(model: object, *_: object, **__: object) -> None:
            tried.append(model)
            raise WeightsError("not here")

        monkeypatch.setattr(store, "fetch", refuse)
        plan.chosen_models(resolved(CPU))
        assert tried == []
        plan.chosen_models(resolved(dataclasses.replace(CPU, DOWNLOAD_WEIGHTS=True)))
        assert tried


class TestTranscripts:
    @pytest.fixture
    def given(self, tmp_path: Path) -> Path:
        """A folder with a transcript of the first of the two videos."""
        folder = tmp_path / "given"
        folder.mkdir()
        (folder / "a.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nHello\n")
        return folder

    def test_a_video_without_one_is_transcribed(
        self, videos: Path, given: Path, seen: type[Seen], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert runner.run(videos, dataclasses.replace(CPU, TRANSCRIPTS=str(given))) == 0
        assert capsys.readouterr().err.count(f"transcripts: 1 of 2 videos have one in {given}; the others") == 1
        assert [video.transcript for video in seen.videos] == [given / "a.srt", None]
        words = [model for video in seen.videos for model in video.models or () if model.role == "words"]
        assert [(model.name, model.stands_in_for) for model in words] == [
            ("transcript", None),
            ("pocketsphinx", "whisper-base"),
        ]
        assert words[0].weights == given / "a.srt" and len(words[0].sha256 or "") == 64

    def test_no_recogniser_is_chosen_where_every_video_has_one(
        self, videos: Path, given: Path, seen: type[Seen], capsys: pytest.CaptureFixture[str]
    ) -> None:
        shutil.copy(given / "a.srt", given / "b.srt")
        config = dataclasses.replace(CPU, TRANSCRIPTS=str(given), WHISPER_LANGUAGE="ja")
        assert runner.run(videos, config) == 0
        assert "whisper" not in capsys.readouterr().err
        run = json.loads((videos / "run.json").read_text())
        words = next(model for model in run["models"] if model["job"] == "words")
        assert (words["name"], words["stands_in_for"]) == ("transcript", None)

    def test_a_changed_transcript_changes_the_fingerprint(self, videos: Path, given: Path, seen: type[Seen]) -> None:
        marks = []
        for text in ("Hello", "Hello", "Good bye"):
            (given / "a.srt").write_text(f"1\n00:00:00,000 --> 00:00:01,000\n{text}\n")
            runner.run(videos, dataclasses.replace(CPU, TRANSCRIPTS=str(given)))
            marks.append([video.prints.of("clips") for video in seen.videos])
        assert marks[0] == marks[1]
        assert marks[0][0] != marks[2][0] and marks[0][1] == marks[2][1]

    def test_one_that_cannot_be_read_fails_its_video_alone(
        self, videos: Path, given: Path, seen: type[Seen], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(path: Path) -> str:
            raise runner.InputError("bad_transcript", "cannot be read", path)

        monkeypatch.setattr(plan, "transcript_digest", refuse)
        assert runner.run(videos, dataclasses.replace(CPU, TRANSCRIPTS=str(given))) == 1
        assert names(seen) == ["b.mp4"]
        run = json.loads((videos / "run.json").read_text())
        assert [video["reason_code"] for video in run["videos"]] == ["bad_transcript", ""]

    def test_a_folder_that_is_not_there_is_refused(self, videos: Path, tmp_path: Path) -> None:
        with pytest.raises(runner.InputError, match="--transcripts"):
            runner.run(videos, dataclasses.replace(CPU, TRANSCRIPTS=str(tmp_path / "nowhere")))


class TestAlignment:
    NETWORK = ModelChoice("alignment", "wav2vec2-base-960h", Path("/w/w.pth"), "aa" * 32)

    def test_align_is_refused_where_its_network_cannot_be_had(self, videos: Path, seen: type[Seen]) -> None:
        with pytest.raises(WeightsError, match="--align needs it"):
            runner.run(videos, dataclasses.replace(CPU, ALIGN=True))
        assert seen.videos == [] and not (videos / "a").exists()

    @pytest.mark.parametrize(("align", "used"), [(True, [True, True]), (False, [True, False])])
    def test_the_network_takes_part_where_words_may_need_it(
        self, videos: Path, tmp_path: Path, seen: type[Seen], monkeypatch: pytest.MonkeyPatch, align: bool, used: object
    ) -> None:
        """A network that is here serves given transcripts; with ALIGN it serves all videos."""
        monkeypatch.setattr(plan, "choose_alignment", lambda *_, **__: self.NETWORK)
        (tmp_path / "a.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nHello\n")
        runner.run(videos, dataclasses.replace(CPU, ALIGN=align, TRANSCRIPTS=str(tmp_path)))
        assert [self.NETWORK in (video.models or ()) for video in seen.videos] == used


def test_half_precision_without_cuda_is_refused(videos: Path, seen: type[Seen]) -> None:
    with pytest.raises(runner.InputError, match="WHISPER_PRECISION is 'half', which needs CUDA"):
        runner.run(videos, dataclasses.replace(CPU, WHISPER_PRECISION="half"))
    assert seen.videos == []


@pytest.mark.parametrize(
    ("asked", "upright", "clips"),
    [
        ({"REFRAME": True}, True, True),
        ({"REFRAME": True, "SCORE_ONLY": True}, False, False),
        ({"REFRAME_ALONE": True}, True, False),
        ({"REFRAME_ALONE": True, "REFRAME": True, "SCORE_ONLY": True}, True, False),
    ],
)
def test_upright_videos_with_clips_and_without(
    videos: Path, asked: dict[str, bool], upright: bool, clips: bool
) -> None:
    """SCORE_ONLY leaves them out, and says so."""
    said: list[str] = []
    config = plan.make_plan(videos, dataclasses.replace(CPU, **asked), said.append).config
    assert (config.REFRAME, not config.SCORE_ONLY) == (upright, clips)
    assert any("REFRAME_ALONE" in line for line in said) == (not upright)


def test_a_caption_font_that_is_none_is_refused_before_anything_starts(videos: Path, tmp_path: Path) -> None:
    """And captions without an upright video are told to be none."""
    said: list[str] = []
    asked = dataclasses.replace(CPU, CAPTIONS="file", CAPTION_FONT=str(tmp_path / "none.ttf"))
    plan.make_plan(videos, asked, said.append)
    assert any("no captions are written without REFRAME" in line for line in said)
    with pytest.raises(runner.InputError, match="no file and no folder") as refused:
        plan.make_plan(videos, dataclasses.replace(asked, REFRAME=True), said.append)
    assert refused.value.reason_code == "bad_font"


class TestBesideTheVideos:
    def test_scenes_acts(self, videos: Path, tmp_path: Path, seen: type[Seen]) -> None:
        """A folder of lists, of which one belongs to a video; one list for several videos is refused."""
        runner.run(videos, CPU)
        before = [video.prints for video in seen.videos]
        scenes = tmp_path / "scenes"
        scenes.mkdir()
        (scenes / "a-Scenes.csv").write_text("a list")
        runner.run(videos, dataclasses.replace(CPU, SCENES=str(scenes), FORCE=True))
        assert [video.scenes for video in seen.videos] == [scenes / "a-Scenes.csv", None]
        after = [video.prints for video in seen.videos]
        assert (
            after[0].of("vision") != before[0].of("vision")
            and after[0].of("speech") == before[0].of("speech")
            and after[1] == before[1]
        )
        with pytest.raises(runner.InputError, match="is the list of one video, and here are 2"):
            runner.run(videos, dataclasses.replace(CPU, SCENES=str(scenes / "a-Scenes.csv")))
        runner.run(videos / "b.mp4", dataclasses.replace(CPU, SCENES=str(scenes / "a-Scenes.csv")))
        assert [video.scenes for video in seen.videos] == [scenes / "a-Scenes.csv"]
        with pytest.raises(runner.InputError, match="no such list of scenes"):
            runner.run(videos, dataclasses.replace(CPU, SCENES=str(tmp_path / "nowhere")))

    def test_face_boxes_acts(
        self, videos: Path, tmp_path: Path, seen: type[Seen], capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A folder of lists, of which one belongs to a video; its content counts for vision, and it is the model."""
        runner.run(videos, CPU)
        before = [video.prints for video in seen.videos]
        boxes = tmp_path / "boxes"
        boxes.mkdir()
        config = dataclasses.replace(CPU, FACE_BOXES=str(boxes), FORCE=True)
        seen_marks = [before]
        for content in ("0,1,2,30,40,1", "0,1,2,30,41,1"):
            (boxes / "a-faces.csv").write_text(content)
            runner.run(videos, config)
            assert [video.face_boxes for video in seen.videos] == [boxes / "a-faces.csv", None]
            models = [{model.role: model for model in video.models or ()}["faces"] for video in seen.videos]
            digest = hashlib.sha256(content.encode()).hexdigest()
            assert models[0] == ModelChoice("faces", "face-boxes", boxes / "a-faces.csv", digest)
            assert models[1].stands_in_for == "s3fd"
            seen_marks.append([video.prints for video in seen.videos])
        assert "face boxes: 1 of 2 videos have a list" in capsys.readouterr().err
        assert (
            len({marks[0].of("vision") for marks in seen_marks}) == 3
            and len({marks[1].of("clips") for marks in seen_marks}) == 1
        )
        assert len({marks[0].of("speech") for marks in seen_marks}) == 1
        with pytest.raises(runner.InputError, match="is the list of one video, and here are 2"):
            runner.run(videos, dataclasses.replace(CPU, FACE_BOXES=str(boxes / "a-faces.csv")))
        with pytest.raises(runner.InputError, match="no such list of faces"):
            runner.run(videos, dataclasses.replace(CPU, FACE_BOXES=str(tmp_path / "nowhere")))

    def test_ranges_acts(
        self, videos: Path, tmp_path: Path, seen: type[Seen], capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A folder of lists, of which one belongs to a video; its content counts for the upright video alone."""
        runner.run(videos, dataclasses.replace(CPU, REFRAME=True))
        marks = [[video.prints for video in seen.videos]]
        lists = tmp_path / "ranges"
        lists.mkdir()
        for content in ("1,2", "1,3"):
            (lists / "a.csv").write_text(content)
            runner.run(videos, dataclasses.replace(CPU, RANGES=str(lists), FORCE=True))
            assert [video.ranges for video in seen.videos] == [lists / "a.csv", None]
            marks.append([video.prints for video in seen.videos])
        assert "ranges: 1 of 2 videos have a list" in capsys.readouterr().err
        assert len({each[0].of("reframe") for each in marks}) == 3
        assert len({each[1].of("reframe") for each in marks}) == len({each[0].of("clips") for each in marks}) == 1
        with pytest.raises(runner.InputError, match="is the list of one video, and here are 2"):
            runner.run(videos, dataclasses.replace(CPU, RANGES=str(lists / "a.csv")))

    def test_ranges_ask_for_upright_videos(self, videos: Path, tmp_path: Path) -> None:
        (tmp_path / "r.csv").write_text("1,2")
        config = dataclasses.replace(CPU, RANGES=str(tmp_path / "r.csv"))
        assert plan.make_plan(videos / "b.mp4", config, print).config.REFRAME
        assert not plan.make_plan(videos / "b.mp4", CPU, print).config.REFRAME

    def test_a_wrong_list_of_ranges_ends_its_video_before_anything_starts(
        self, videos: Path, tmp_path: Path, seen: type[Seen]
    ) -> None:
        (tmp_path / "a.csv").write_text("1,2\n5,4\n")
        runner.run(videos, dataclasses.replace(CPU, RANGES=str(tmp_path)))
        assert [video.path.name for video in seen.videos] == ["b.mp4"]
        entry = json.loads((videos / "run.json").read_bytes())["videos"][0]
        assert entry["reason_code"] == "bad_ranges"
        assert entry["message"] == f"{tmp_path / 'a.csv'}: line 2: expected an end after the start, 5 s, got 4 s"

    def test_lengths_that_no_range_can_have_are_refused(self, videos: Path, tmp_path: Path) -> None:
        config = dataclasses.replace(CPU, RANGES=str(tmp_path), MIN_LENGTH=5.0, MAX_LENGTH=4.0)
        with pytest.raises(runner.InputError, match="MIN_LENGTH is 5 s and MAX_LENGTH 4 s: no range can be both"):
            runner.run(videos, config)

    def test_where_all_faces_are_given_no_detector_is_needed(
        self, videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Its missing weights are not spoken of, and a run that allows no stand-in for it goes on."""
        for name in ("a", "b"):
            (tmp_path / f"{name}-faces.csv").write_text("0,1,2,30,40,1")
        config = dataclasses.replace(CPU, FACE_BOXES=str(tmp_path), SPEAKER_MODEL="lip-motion", IDENTITY_MODEL="none")
        config = dataclasses.replace(config, WHISPER_MODEL_SIZE="pocketsphinx", STRICT=True)
        assert runner.run(videos, config) == 0
        said = capsys.readouterr().err
        assert "face boxes: 2 of 2 videos have a list" in said and "s3fd" not in said
        content = json.loads((videos / "run.json").read_text())
        assert content["models"][0]["name"] == "face-boxes" and len(content["models"]) == 4
        with pytest.raises(WeightsError, match="s3fd"):
            runner.run(videos, dataclasses.replace(config, FACE_BOXES=""))

    def test_audio_file_acts(self, videos: Path, tmp_path: Path, seen: type[Seen]) -> None:
        sound = tmp_path / "sound.wav"
        sound.write_bytes(b"sound")
        config = dataclasses.replace(CPU, AUDIO_FILE=str(sound))
        with pytest.raises(runner.InputError, match="AUDIO_FILE names the sound of one video, and here are 2"):
            runner.run(videos, config)
        marks = []
        for each in (CPU, config):
            runner.run(videos / "a.mp4", each)
            marks.append(seen.videos[0].prints)
        assert seen.videos[0].sound_file == sound
        assert marks[0].of("vision") != marks[1].of("vision") and marks[0].of("speech") != marks[1].of("speech")

    def test_weights_of_embeddings_that_are_not_there_are_refused_at_once(
        self, videos: Path, tmp_path: Path, seen: type[Seen]
    ) -> None:
        with pytest.raises(runner.InputError, match="FACE_EMBEDDINGS names no file"):
            runner.run(videos, dataclasses.replace(CPU, FACE_EMBEDDINGS=str(tmp_path / "none.pt")))
        assert seen.videos == []

    def test_what_is_asked_for_beside_finished_results_is_work(
        self, videos: Path, seen: type[Seen], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(plan, "finished", lambda graph, folder, *_: folder / "output" / "manifest.json")
        monkeypatch.setattr(runner.RunReport, "close", lambda self: self.write())
        config = dataclasses.replace(CPU, EXPORT="rttm")
        (videos / "a" / "export").mkdir(parents=True)
        (videos / "a" / "export" / "speakers.rttm").touch()
        assert runner.run(videos, config) == 0
        assert names(seen) == ["a.mp4", "b.mp4"], "nobody knows what that file was made of"
        note_made(videos / "a", "export", seen.videos[0].prints.of("export"))
        assert runner.run(videos, config) == 0
        assert names(seen) == ["b.mp4"]
        assert runner.run(videos, dataclasses.replace(config, MAX_SENTENCE_S=5.0)) == 0
        assert names(seen) == ["a.mp4", "b.mp4"], "it was made of other sentences"
