"""The fallback chain, with small files in the place of the published ones."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from pipeline.errors import WeightsError
from pipeline.models.choose import choose, choose_alignment
from pipeline.models.registry import MODELS
from pipeline.models.store import cache_dir
from pipeline.types import ModelChoice
from tests.support.small_weights import content_of, named, put

Announced = list[str]


class TestChoose:
    def test_models_whose_files_are_there(self, table: object, tmp_path: Path) -> None:
        folder = put(tmp_path / "w", "yunet", "lr-asd", "lr-asd-ava", "whisper-base")
        choices = choose("yunet", "lr-asd", "whisper-base", weights_dir=folder, download=False)
        assert choices == tuple(
            ModelChoice(job, name, folder / str(MODELS[name].file), hashlib.sha256(content_of(name)).hexdigest())
            for job, name in (
                *(("faces", "yunet"), ("speaking", "lr-asd"), ("speaking", "lr-asd-ava")),
                ("words", "whisper-base"),
            )
        )

    @pytest.mark.parametrize("model", ["lr-asd", "light-asd"])
    @pytest.mark.parametrize("own", [True, False])
    def test_one_of_two_files_of_a_network_is_used_alone_which_is_announced_and_is_no_stand_in(
        self, table: object, tmp_path: Path, model: str, own: bool
    ) -> None:
        here, missing = (model, f"{model}-ava") if own else (f"{model}-ava", model)
        folder, said = put(tmp_path / "w", here), []
        asked = ("mtcnn", model, None)
        (choice,) = choose(*asked, weights_dir=folder, download=False, strict=True, announce=said.append)[1:]
        why = (
            f"{here} alone: {MODELS[missing].file} of {missing} is not on this machine, and downloads are switched off"
        )
        assert (choice.name, choice.weights, choice.stands_in_for) == (here, folder / str(MODELS[here].file), None)
        assert choice.why == why and said == [why]

    def test_the_second_file_of_talknet_is_used_where_it_is_and_never_asked_for(
        self, table: object, tmp_path: Path
    ) -> None:
        said: Announced = []
        alone = put(tmp_path / "one", "talknet")
        assert named(choose("mtcnn", "talknet", None, weights_dir=alone, announce=said.append)) == [
            ("faces", "mtcnn"),
            ("speaking", "talknet"),
        ]
        assert said == []
        both = put(tmp_path / "two", "talknet", "talknet-ava")
        assert named(choose("mtcnn", "talknet", None, weights_dir=both, announce=said.append))[1:] == [
            ("speaking", "talknet"),
            ("speaking", "talknet-ava"),
        ]

    def test_without_either_file_something_stands_in(self, table: object) -> None:
        said: Announced = []
        (choice,) = choose("mtcnn", "lr-asd", None, download=False, announce=said.append)[1:]
        assert (choice.name, choice.stands_in_for) == ("lip-motion", "lr-asd")
        assert "STAND-IN for lr-asd (speaking)" in said[0] and "lr-asd-ava" not in said[0]

    def test_what_needs_no_file_is_no_stand_in(self) -> None:
        choices = choose("mtcnn", "lip-motion", "pocketsphinx", strict=True, language="fr")
        assert choices == (
            ModelChoice("faces", "mtcnn", None),
            ModelChoice("speaking", "lip-motion", None),
            ModelChoice("words", "pocketsphinx", None),
        )

    def test_no_words_model_no_choice_of_words(self) -> None:
        assert named(choose("mtcnn", "lip-motion", None)) == [("faces", "mtcnn"), ("speaking", "lip-motion")]

    def test_without_downloads_stand_ins_take_over_and_are_announced(self, table: object) -> None:
        said: Announced = []
        choices = choose("s3fd", "talknet", "large-v3-turbo", download=False, announce=said.append)
        assert [(choice.name, choice.stands_in_for, choice.weights) for choice in choices] == [
            ("mtcnn", "s3fd", None),
            ("lip-motion", "talknet", None),
            ("pocketsphinx", "whisper-large-v3-turbo", None),
        ]
        assert choices[0].why == "sfd_face.pth is not on this machine, and downloads are switched off"
        assert len(said) == 1
        assert [line.split(". ")[0] for line in said[0].splitlines()[-3:]] == [
            "STAND-IN for s3fd (faces): mtcnn",
            "STAND-IN for talknet (speaking): lip-motion",
            "STAND-IN for whisper-large-v3-turbo (words): pocketsphinx",
        ]

    def test_the_message_names_file_places_and_command(
        self, table: object, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LIPGEN_WEIGHTS", "/from/environment")
        said: Announced = []
        choose("s3fd", "lip-motion", "base", weights_dir=tmp_path, download=False, announce=said.append)
        folders = f"{tmp_path}, /from/environment, {home}/.cache/lipgen, {home}/.cache/whisper"
        assert "sfd_face.pth of s3fd" in said[0] and "base.pt of whisper-base" in said[0]
        assert f"Looked in: {folders}\n" in said[0]
        assert "python -m pipeline.weights fetch s3fd whisper-base --weights-dir weights" in said[0]

    def test_missing_files_are_downloaded_to_the_cache(self, server: list[str]) -> None:
        choices = choose("s3fd", "talknet", "base", announce=lambda line: None)
        assert [choice.weights for choice in choices] == [
            cache_dir() / name for name in ("sfd_face.pth", "pretrain_TalkSet.model", "base.pt")
        ]
        assert not any(choice.stands_in_for for choice in choices)

    def test_only_what_is_missing_is_downloaded(self, server: list[str], tmp_path: Path) -> None:
        choose("yunet", "lr-asd", None, weights_dir=put(tmp_path / "w", "yunet"), announce=lambda line: None)
        assert server == ["/lr-asd", "/lr-asd-ava"]

    def test_nothing_is_asked_for_when_downloads_are_off(self, server: list[str]) -> None:
        choose("s3fd", "talknet", "base", download=False, announce=lambda line: None)
        assert server == []

    def test_a_download_that_fails_gives_the_stand_in_and_the_reason(self, server: list[str], tmp_path: Path) -> None:
        (tmp_path / "served" / "s3fd").write_bytes(b"another file")
        said: Announced = []
        faces, speaking = choose("s3fd", "talknet", None, announce=said.append)
        assert (faces.name, faces.stands_in_for, speaking.name) == ("mtcnn", "s3fd", "talknet")
        assert faces.why == "sfd_face.pth is not on this machine, and it could not be downloaded"
        assert "gave another file" in said[-1] and "STAND-IN for s3fd (faces): mtcnn" in said[-1]

    def test_an_offline_machine_tries_one_download_and_gives_one_message(self, table: object) -> None:
        said: Announced = []
        choices = choose("s3fd", "talknet", "base", announce=said.append)
        assert [choice.stands_in_for for choice in choices] == ["s3fd", "talknet", "whisper-base"]
        assert [line.split(":")[0] for line in said] == ["s3fd", "missing weights"]
        assert said[1].count("this machine seems to be offline") == 3

    def test_strict_refuses_every_stand_in_with_one_message(self, table: object) -> None:
        with pytest.raises(WeightsError) as refusal:
            choose("s3fd", "talknet", "base", strict=True, announce=lambda line: None)
        told = str(refusal.value)
        assert all(part in told for part in ("sfd_face.pth", "pretrain_TalkSet.model", "base.pt", "--strict"))

    @pytest.mark.parametrize("language", [None, "auto", "en"])
    def test_pocketsphinx_stands_in_for_english(self, language: str | None, table: object) -> None:
        choices = choose("mtcnn", "lip-motion", "base", download=False, language=language, announce=lambda line: None)
        assert choices[2].name == "pocketsphinx"

    def test_nothing_stands_in_for_another_language(self, table: object) -> None:
        with pytest.raises(WeightsError, match=r"base\.pt of whisper-base(?s:.)*English only, not 'ja'"):
            choose("mtcnn", "lip-motion", "base", download=False, language="ja")

    def test_another_language_does_not_matter_when_whisper_is_there(self, table: object, tmp_path: Path) -> None:
        folder = put(tmp_path / "w", "whisper-base")
        choices = choose("s3fd", "lip-motion", "base", weights_dir=folder, download=False, language="ja")
        assert [choice.name for choice in choices] == ["mtcnn", "lip-motion", "whisper-base"]

    def test_a_damaged_file_is_an_error_not_a_stand_in(self, table: object, tmp_path: Path) -> None:
        (tmp_path / "sfd_face.pth").write_bytes(b"cut short")
        with pytest.raises(WeightsError, match="refused"):
            choose("s3fd", "lip-motion", None, weights_dir=tmp_path)

    def test_a_choice_that_is_made_already_is_kept(self, tmp_path: Path) -> None:
        own = ModelChoice("words", "tuned.pt", tmp_path / "tuned.pt", "a" * 64)
        assert choose("mtcnn", "lip-motion", own)[2] == own

    @pytest.mark.parametrize(
        "asked", [("retinaface", "talknet", "base"), ("s3fd", "mtcnn", "base"), ("s3fd", "talknet", "auto")]
    )
    def test_unknown_names_are_told_before_any_download(self, asked: tuple[str, str, str], server: list[str]) -> None:
        with pytest.raises(WeightsError, match="is called"):
            choose(*asked)
        assert server == []


class TestIdentity:
    def test_the_network_and_the_file_that_finds_its_landmarks(self, table: object, tmp_path: Path) -> None:
        folder = put(tmp_path / "w", "mobilefacenet", "yunet")
        choices = choose("mtcnn", "lip-motion", "pocketsphinx", "mobilefacenet", weights_dir=folder, strict=True)
        assert named(choices)[2:] == [("words", "pocketsphinx"), ("identity", "mobilefacenet")]
        assert choices[3] == ModelChoice(
            *("identity", "mobilefacenet", folder / "mobilefacenet.pt"),
            sha256=hashlib.sha256(content_of("mobilefacenet")).hexdigest(),
            helper=folder / "yunet_n_dynamic.onnx",
        )

    @pytest.mark.parametrize(("asked", "name"), [("none", "by-track"), ("by-framing", "by-framing")])
    def test_asking_for_what_needs_no_weights_is_no_stand_in(self, asked: str, name: str) -> None:
        choices = choose("mtcnn", "lip-motion", None, asked, strict=True)
        assert choices[2] == ModelChoice("identity", name, None)

    @pytest.mark.parametrize("name", ["mobilefacenet", "sface", "auraface"])
    def test_a_missing_network_and_its_helper_are_downloaded(self, server: list[str], name: str) -> None:
        identity = choose("mtcnn", "lip-motion", None, name, announce=lambda line: None)[2]
        assert server == [f"/{name}", "/yunet"]
        assert identity == ModelChoice(
            *("identity", name, cache_dir() / str(MODELS[name].file)),
            sha256=hashlib.sha256(content_of(name)).hexdigest(),
            helper=cache_dir() / "yunet_n_dynamic.onnx",
        )

    @pytest.mark.parametrize("name", ["mobilefacenet", "sface", "auraface"])
    @pytest.mark.parametrize(
        ("download", "reason"), [(False, "downloads are switched off"), (True, "this machine seems to be offline")]
    )
    def test_where_it_cannot_be_had_persons_are_told_by_their_framing_which_is_announced(
        self, table: object, name: str, download: bool, reason: str
    ) -> None:
        said: Announced = []
        identity = choose("mtcnn", "lip-motion", None, name, download=download, announce=said.append)[2]
        assert (identity.name, identity.stands_in_for, identity.helper) == ("by-framing", name, None)
        file = str(MODELS[name].file)
        assert identity.why == f"{file} is not on this machine, and {reason}"
        assert f"{file} of {name}: {reason}" in said[-1] and f"weights fetch {name} --weights-dir" in said[-1]
        assert "--identity-model by-framing, or none" in said[-1]
        assert f"STAND-IN for {name} (identity): by-framing" in said[-1]

    def test_the_helper_of_a_network_that_cannot_be_had_is_not_asked_for(
        self, server: list[str], tmp_path: Path
    ) -> None:
        (tmp_path / "served" / "mobilefacenet").write_bytes(b"another file")
        identity = choose("mtcnn", "lip-motion", None, "mobilefacenet", announce=lambda line: None)[2]
        assert (identity.name, server) == ("by-framing", ["/mobilefacenet"])

    def test_strict_refuses_to_do_without(self, table: object) -> None:
        with pytest.raises(WeightsError, match=r"mobilefacenet\.pt(?s:.)*--strict"):
            choose("mtcnn", "lip-motion", None, "mobilefacenet", strict=True, download=False)

    def test_the_helper_is_downloaded_once_the_network_is_there(self, server: list[str], tmp_path: Path) -> None:
        folder = put(tmp_path / "w", "mobilefacenet")
        identity = choose(
            *("mtcnn", "lip-motion", None, "mobilefacenet"), weights_dir=folder, announce=lambda line: None
        )[2]
        assert server == ["/yunet"]
        assert identity.helper == cache_dir() / "yunet_n_dynamic.onnx" and identity.why == ""

    def test_without_the_helper_another_finds_the_landmarks_which_is_announced(
        self, table: object, tmp_path: Path
    ) -> None:
        folder, said = put(tmp_path / "w", "mobilefacenet"), []
        asked = ("mtcnn", "lip-motion", None, "mobilefacenet")
        identity = choose(*asked, weights_dir=folder, download=False, announce=said.append)[2]
        assert (identity.name, identity.stands_in_for, identity.helper) == ("mobilefacenet", None, None)
        assert identity.why == "yunet is not on this machine: mtcnn finds the landmarks"
        assert "STAND-IN for yunet (landmarks): mtcnn" in said[0]
        with pytest.raises(WeightsError, match=r"yunet_n_dynamic\.onnx"):
            choose(*asked, weights_dir=folder, download=False, strict=True)

    def test_a_helper_that_is_the_missing_detector_too_is_told_once(self, table: object, tmp_path: Path) -> None:
        folder, said = put(tmp_path / "w", "mobilefacenet"), []
        asked = ("yunet", "lip-motion", None, "mobilefacenet")
        choices = choose(*asked, weights_dir=folder, download=False, announce=said.append)
        assert named(choices)[0] == ("faces", "mtcnn")
        assert said[0].count("missing weights") == 1


class TestChooseAlignment:
    @pytest.mark.parametrize(("language", "name"), [("en", "wav2vec2-base-960h"), ("auto", "mms-fa"), ("de", "mms-fa")])
    def test_the_network_is_the_smallest_that_knows_the_language(
        self, table: object, tmp_path: Path, language: str, name: str
    ) -> None:
        folder = put(tmp_path / "w", "wav2vec2-base-960h", "mms-fa")
        choice = choose_alignment(language, weights_dir=folder, download=False)
        sha256 = hashlib.sha256(content_of(name)).hexdigest()
        assert choice == ModelChoice("alignment", name, folder / str(MODELS[name].file), sha256)

    def test_the_file_that_torchaudio_keeps_itself_is_found(self, table: object) -> None:
        folder = put(cache_dir().parent / "torch" / "hub" / "checkpoints", "wav2vec2-base-960h")
        choice = choose_alignment("en", download=False)
        assert choice is not None and choice.weights == folder / "wav2vec2_fairseq_base_ls960_asr_ls960.pth"

    def test_it_is_downloaded_only_where_it_is_required(self, server: list[str]) -> None:
        assert choose_alignment("en", required=False, announce=lambda _: None) is None
        assert server == []
        choice = choose_alignment("en", announce=lambda _: None)
        assert choice is not None and choice.weights == cache_dir() / "wav2vec2_fairseq_base_ls960_asr_ls960.pth"
        assert server == ["/wav2vec2-base-960h"]

    def test_nothing_stands_in_for_it(self, table: object) -> None:
        with pytest.raises(WeightsError, match=r"mms_fa\.pt") as caught:
            choose_alignment("auto", download=False)
        assert "--align needs it" in str(caught.value) and "--whisper-language en" in str(caught.value)
