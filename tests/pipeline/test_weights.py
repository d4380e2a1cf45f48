"""Search order, fallback chain and command line, with small files in the place of the published ones."""

from __future__ import annotations

import functools
import hashlib
import http.server
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline import weights, weights_table
from pipeline.errors import WeightsError
from pipeline.types import ModelChoice
from pipeline.weights import cache_dir, find, main
from pipeline.weights_choice import choose, choose_alignment
from pipeline.weights_table import MODELS

ROOT = Path(__file__).resolve().parents[2]
Announced = list[str]


def content_of(name: str) -> bytes:
    """What stands for the published file of a model here."""
    return f"the weights of {name}".encode()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without weights, and no way to any other machine."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("XDG_CACHE_HOME", "LIPGEN_WEIGHTS", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    real = socket.getaddrinfo

    def guarded(host: str, *args: object, **options: object) -> object:
        assert host == "127.0.0.1", f"a test asked for {host}"
        return real(host, *args, **options)  # pyright: ignore[reportArgumentType, reportCallIssue]

    monkeypatch.setattr(socket, "getaddrinfo", guarded)
    return tmp_path / "home"


@pytest.fixture
def closed() -> str:
    """An address at which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch, closed: str) -> Callable[[str], None]:
    """Replaces the table by one of the same models with `content_of` them; sources at the address that it is given."""

    def use(base: str) -> None:
        models = {
            name: model
            if model.file is None
            else replace(
                model,
                sha256=hashlib.sha256(content_of(name)).hexdigest(),
                git_blob=None,
                size_bytes=len(content_of(name)),
                size_exact=True,
                sources=() if name == "mobilefacenet" else (f"{base}/{name}",),
            )
            for name, model in MODELS.items()
        }
        monkeypatch.setattr(weights_table, "MODELS", models)
        monkeypatch.setattr(weights, "MODELS", models)

    use(closed)
    return use


@pytest.fixture
def server(tmp_path: Path, table: Callable[[str], None]) -> Iterator[list[str]]:
    """A server with every file, which the table then names as its source; gives the paths that were asked for."""
    folder = tmp_path / "served"
    folder.mkdir()
    for name in MODELS:
        (folder / name).write_bytes(content_of(name))
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            super().do_GET()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=str(folder))
    ) as running:
        threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
        table(f"http://127.0.0.1:{running.server_address[1]}")
        yield asked
        running.shutdown()


def put(folder: Path, *names: str) -> Path:
    """The files of the named models, right ones, in *folder*."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / str(MODELS[name].file)).write_bytes(content_of(name))
    return folder


def named(choices: tuple[ModelChoice, ...]) -> list[tuple[str, str]]:
    return [(choice.job, choice.name) for choice in choices]


class TestFind:
    def test_weights_dir_comes_first(
        self, table: object, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = put(tmp_path / "first", "s3fd")
        monkeypatch.setenv("LIPGEN_WEIGHTS", str(put(tmp_path / "second", "s3fd")))
        put(cache_dir(), "s3fd")
        assert find("s3fd", first) == first / "sfd_face.pth"

    def test_the_environment_comes_before_the_cache(
        self, table: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        second = put(tmp_path / "second", "s3fd")
        monkeypatch.setenv("LIPGEN_WEIGHTS", str(second))
        put(cache_dir(), "s3fd")
        assert find("s3fd", put(tmp_path / "empty")) == second / "sfd_face.pth"

    def test_the_cache_comes_last(self, table: object, tmp_path: Path, home: Path) -> None:
        put(home / ".cache" / "lipgen", "s3fd")
        assert find("s3fd", put(tmp_path / "empty")) == home / ".cache" / "lipgen" / "sfd_face.pth"

    def test_the_cache_follows_xdg(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        assert cache_dir() == tmp_path / "lipgen"

    def test_whisper_is_found_where_whisper_keeps_it(self, table: object, home: Path) -> None:
        put(home / ".cache" / "whisper", "whisper-base")
        assert find("base") == home / ".cache" / "whisper" / "base.pt"

    def test_other_models_are_not_looked_for_there(self, table: object, home: Path) -> None:
        put(home / ".cache" / "whisper", "s3fd")
        assert find("s3fd") is None

    def test_a_damaged_file_is_refused_though_a_good_one_comes_later(self, table: object, tmp_path: Path) -> None:
        put(cache_dir(), "s3fd")
        (tmp_path / "sfd_face.pth").write_bytes(b"cut short")
        with pytest.raises(WeightsError, match=r"sfd_face\.pth: refused.*delete it"):
            find("s3fd", tmp_path)

    def test_a_model_without_file_has_none(self) -> None:
        assert find("mtcnn") is None

    def test_a_weights_dir_that_does_not_exist_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(WeightsError, match="there is no such weights folder"):
            find("s3fd", tmp_path / "typo")

    def test_the_real_files_are_accepted(self, shared: Path) -> None:
        assert find("lr-asd", shared / "weights") == shared / "weights" / "lr_asd_talkset.model"


class TestChoose:
    def test_models_whose_files_are_there(self, table: object, tmp_path: Path) -> None:
        folder = put(tmp_path / "w", "yunet", "lr-asd", "whisper-base")
        choices = choose("yunet", "lr-asd", "whisper-base", weights_dir=folder, download=False)
        assert choices == tuple(
            ModelChoice(job, name, folder / str(MODELS[name].file), hashlib.sha256(content_of(name)).hexdigest())
            for job, name in (("faces", "yunet"), ("speaking", "lr-asd"), ("words", "whisper-base"))
        )

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
        assert server == ["/lr-asd"]

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

    def test_the_users_own_checkpoint(self, tmp_path: Path) -> None:
        path = tmp_path / "tuned.bin"
        path.write_bytes(b"tuned on lectures")
        assert choose("mtcnn", "lip-motion", str(path))[2] == ModelChoice(
            "words", "tuned.bin", path, hashlib.sha256(b"tuned on lectures").hexdigest()
        )

    def test_an_official_checkpoint_by_path_keeps_its_name(self, table: object, tmp_path: Path) -> None:
        path = tmp_path / "copy.pt"
        path.write_bytes(content_of("whisper-small"))
        assert choose("mtcnn", "lip-motion", str(path))[2].name == "whisper-small"

    def test_a_checkpoint_that_does_not_exist_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(WeightsError, match=r"tuned\.pt: there is no such Whisper checkpoint"):
            choose("mtcnn", "lip-motion", str(tmp_path / "tuned.pt"))

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
            *("identity", "mobilefacenet", folder / "mobilefacenet.onnx"),
            sha256=hashlib.sha256(content_of("mobilefacenet")).hexdigest(),
            helper=folder / "yunet_n_dynamic.onnx",
        )

    def test_asking_for_none_is_no_stand_in(self) -> None:
        choices = choose("mtcnn", "lip-motion", None, "none", strict=True)
        assert choices[2] == ModelChoice("identity", "by-track", None)

    def test_a_missing_network_says_that_it_cannot_be_fetched_and_how_to_do_without(self, table: object) -> None:
        said: Announced = []
        identity = choose("mtcnn", "lip-motion", None, "mobilefacenet", download=False, announce=said.append)[2]
        assert (identity.name, identity.stands_in_for, identity.helper) == ("by-track", "mobilefacenet", None)
        assert identity.why.endswith("no public address of it is known: it must be put there by hand")
        assert "mobilefacenet.onnx of mobilefacenet: no public address of it is known" in said[0]
        assert "--identity-model none" in said[0] and "STAND-IN for mobilefacenet (identity): by-track" in said[0]
        assert "weights fetch" not in said[0]

    def test_a_missing_network_is_not_asked_for_nor_is_its_helper(self, server: list[str]) -> None:
        choose("mtcnn", "lip-motion", None, "mobilefacenet", announce=lambda line: None)
        assert server == []

    def test_strict_refuses_to_do_without(self, table: object) -> None:
        with pytest.raises(WeightsError, match=r"mobilefacenet\.onnx(?s:.)*--strict"):
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


class TestCommandLine:
    def test_list_marks_what_is_here_and_what_is_non_commercial(
        self, table: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["list", "--weights-dir", str(put(tmp_path / "w", "yunet"))]) == 0
        rows = {line.split()[1]: line for line in capsys.readouterr().out.splitlines() if len(line.split()) > 3}
        assert str(tmp_path / "w" / "yunet_n_dynamic.onnx") in rows["yunet"] and " NC " in rows["yunet"]
        assert rows["lr-asd"].endswith("not here") and " NC " not in rows["lr-asd"]
        assert "MIT (openai/whisper)" in rows["whisper-large-v3-turbo"]

    def test_list_points_at_a_file_cut_short(
        self, table: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "yunet_n_dynamic.onnx").write_bytes(b"x")
        assert main(["list", "yunet", "--weights-dir", str(tmp_path)]) == 0
        assert "wrong size: 1 bytes" in capsys.readouterr().out

    def test_fetch_without_names_gets_the_default_models(
        self, server: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(weights, "_has_nvidia_driver", lambda: False)
        assert main(["fetch", "--weights-dir", str(tmp_path / "new")]) == 0
        assert server == ["/s3fd", "/talknet", "/whisper-base"]

    def test_fetch_without_names_gets_the_larger_whisper_for_a_gpu(
        self, server: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(weights, "_has_nvidia_driver", lambda: True)
        assert main(["fetch"]) == 0
        assert (cache_dir() / "large-v3-turbo.pt").read_bytes() == content_of("whisper-large-v3-turbo")

    def test_fetch_all_gets_everything_that_has_a_source(
        self, server: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["fetch", "all", "--weights-dir", str(tmp_path / "new")]) == 0
        assert len(server) == sum(model.file is not None for model in MODELS.values()) - 1
        assert "mobilefacenet: left out" in capsys.readouterr().out

    def test_fetch_leaves_alone_what_is_in_any_of_the_places(
        self, server: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LIPGEN_WEIGHTS", str(put(tmp_path / "w", "s3fd")))
        assert main(["fetch", "s3fd"]) == 0
        assert server == []

    def test_fetch_to_a_folder_does_not_count_other_places(self, server: list[str], tmp_path: Path) -> None:
        put(cache_dir(), "s3fd")
        assert main(["fetch", "s3fd", "--weights-dir", str(tmp_path / "new")]) == 0
        assert (tmp_path / "new" / "sfd_face.pth").read_bytes() == content_of("s3fd")

    def test_fetch_offline_ends_with_one_message(self, table: object, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["fetch", "s3fd", "talknet"]) == 1
        told = capsys.readouterr().err
        assert told.count("Looked in:") == 1
        assert "fetch s3fd talknet --weights-dir weights" in told

    def test_fetch_goes_on_after_a_damaged_file(
        self, server: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "sfd_face.pth").write_bytes(b"cut short")
        assert main(["fetch", "s3fd", "talknet", "--weights-dir", str(tmp_path)]) == 1
        assert "refused" in capsys.readouterr().err
        assert (tmp_path / "pretrain_TalkSet.model").is_file()

    def test_verify_of_right_files(self, table: object, tmp_path: Path) -> None:
        assert main(["verify", "--weights-dir", str(put(tmp_path / "w", "s3fd", "talknet"))]) == 0

    def test_verify_finds_the_damaged_copy_behind_a_good_one(
        self, table: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        put(cache_dir())
        (cache_dir() / "sfd_face.pth").write_bytes(b"cut short")
        assert main(["verify", "--weights-dir", str(put(tmp_path / "w", "s3fd"))]) == 1
        said = capsys.readouterr().out
        assert f"WRONG  s3fd  {cache_dir()}/sfd_face.pth: 9 bytes with sha256" in said

    def test_verify_of_a_named_model_that_is_not_here(self, table: object) -> None:
        assert main(["verify", "s3fd"]) == 1

    def test_verify_of_nothing_is_no_success(self, table: object) -> None:
        assert main(["verify"]) == 1

    def test_verify_of_the_real_files(self, shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["verify", "--weights-dir", str(shared / "weights")]) == 0
        assert capsys.readouterr().out.count("right  ") == 6

    def test_an_unknown_name_is_wrong_use(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["verify", "retinaface"]) == 2
        assert "'retinaface'" in capsys.readouterr().err

    def test_an_unknown_command_is_wrong_use(self) -> None:
        with pytest.raises(SystemExit) as stop:
            main(["install"])
        assert stop.value.code == 2

    def test_a_folder_that_does_not_exist_is_wrong_use(self, tmp_path: Path) -> None:
        assert main(["verify", "--weights-dir", str(tmp_path / "typo")]) == 2


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


def test_importing_needs_neither_torch_nor_the_download_libraries() -> None:
    program = "import sys, pipeline.weights; print(*{'torch', 'requests', 'pooch', 'gdown', 'tqdm'} & set(sys.modules))"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    assert ended.stdout.strip() == ""


def test_the_module_runs_as_a_program(home: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "pipeline.weights", "verify", "s3fd"], capture_output=True, text=True, cwd=ROOT
    )
    assert (ended.returncode, ended.stdout) == (1, "not here  s3fd  sfd_face.pth\n")
