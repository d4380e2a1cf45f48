from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from whisper.audio import N_FRAMES
from whisper.decoding import DecodingResult
from whisper.model import Whisper
from whisper.tokenizer import Tokenizer

from pipeline.speech import whisper_steps
from pipeline.speech.whisper_decoding import DecodingRules
from pipeline.speech.whisper_file import load_model
from pipeline.speech.whisper_steps import SoundState, begin, transcribe
from talknet.batches import Batches

pytestmark = pytest.mark.slow

MakeCheckpoint = Callable[..., Path]
Told = list[tuple[str, float, float, tuple[tuple[str, float, float], ...]]]


def _by_openai(model: Whisper, sound: np.ndarray, sample_len: int | None = None) -> Told:
    """Segments and words as openai-whisper itself gives them; its numba changes the number of threads."""
    threads = torch.get_num_threads()
    result: Any = model.transcribe(
        sound,
        language="en",
        temperature=(0.0,),
        sample_len=sample_len,
        word_timestamps=True,
        condition_on_previous_text=False,
        fp16=False,
    )
    torch.set_num_threads(threads)
    return [
        (part["text"], part["start"], part["end"], tuple((w["word"], w["start"], w["end"]) for w in part["words"]))
        for part in result["segments"]
        if part["text"]
    ]


def _by_us(
    model: Whisper, sounds: Sequence[np.ndarray], batch: int, rules: DecodingRules, batches: Batches | None = None
) -> list[Told]:
    with torch.inference_mode():
        begun = (begin(model, number, sound) for number, sound in enumerate(sounds))
        done = transcribe(model, torch.float32, rules, begun, batches or Batches(windows=batch), batch)
        told = {each.sound: each.segments for each in done}
    return [
        [
            (part.text, part.start_s, part.end_s, tuple((w.text, w.start_s, w.end_s) for w in part.words))
            for part in told[number]
        ]
        for number in range(len(sounds))
    ]


def _flat(told: Told) -> tuple[list[str], np.ndarray]:
    """Texts, and all times."""
    texts = [text for part in told for text in (part[0], *(word for word, *_ in part[3]))]
    return texts, np.array([time for part in told for time in (*part[1:3], *(t for _, *ts in part[3] for t in ts))])


def _assert_same(ours: Told, theirs: Told) -> None:
    (our_texts, our_times), (their_texts, their_times) = _flat(ours), _flat(theirs)
    assert our_texts == their_texts
    np.testing.assert_allclose(our_times, their_times, atol=1e-6)


@pytest.fixture(scope="module")
def sounds(jfk: np.ndarray) -> list[np.ndarray]:
    """Of 44, 11, 3 and 0.5 seconds."""
    sound = jfk.astype(np.float32) / 32768
    return [np.tile(sound, 4), sound, sound[: 3 * 16_000], sound[:8_000]]


@pytest.mark.parametrize("seed", [1, 2])
def test_words_and_times_are_those_of_openai(
    seed: int, sounds: list[np.ndarray], make_checkpoint: MakeCheckpoint
) -> None:
    model = load_model(make_checkpoint(seed=seed), "cpu")
    ours = _by_us(model, sounds, 2, DecodingRules("en", (0.0,), 24))
    for sound, told in zip(sounds, ours, strict=True):
        _assert_same(told, _by_openai(model, sound, 24))


def test_words_and_times_of_a_published_model_are_those_of_openai(
    fetched: Callable[[str], Path], jfk: np.ndarray
) -> None:
    model, sound = load_model(fetched("whisper-tiny.en"), "cpu"), jfk.astype(np.float32) / 32768
    sounds = [np.tile(sound, 3), sound]
    ours = _by_us(model, sounds, 2, DecodingRules("en", (0.0,)))
    assert ours[0][0][0].startswith(" And so my fellow Americans")
    for each, told in zip(sounds, ours, strict=True):
        _assert_same(told, _by_openai(model, each))


@pytest.mark.parametrize("temperatures", [(0.0,), (1.0,), (0.0, 0.5, 1.0)])
def test_words_do_not_depend_on_what_else_is_in_the_batch(
    temperatures: tuple[float, ...], sounds: list[np.ndarray], make_checkpoint: MakeCheckpoint
) -> None:
    model, rules = load_model(make_checkpoint(), "cpu"), DecodingRules("en", temperatures, 12)
    alone = [_by_us(model, [sound], 1, rules)[0] for sound in sounds]
    assert any(alone)
    for told, together in zip(alone, _by_us(model, sounds, 3, rules), strict=True):
        _assert_same(together, told)


def test_every_sound_comes_to_its_end_whatever_the_batch(
    sounds: list[np.ndarray], make_checkpoint: MakeCheckpoint
) -> None:
    model = load_model(make_checkpoint(), "cpu")
    with torch.inference_mode():
        begun = [begin(model, number, sound) for number, sound in enumerate(sounds)]
        done = list(transcribe(model, torch.float32, DecodingRules("en", (0.0,), 8), begun, Batches(windows=2), 2))
    assert sorted(each.sound for each in done) == [0, 1, 2, 3]
    assert all(each.frame >= each.frame_count for each in done)


def test_the_encoder_runs_once_for_a_window(
    sounds: list[np.ndarray], make_checkpoint: MakeCheckpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, seen = load_model(make_checkpoint(seed=4), "cpu"), []
    model.encoder.register_forward_hook(lambda _module, inputs, _output: seen.append(len(inputs[0])))
    rules = DecodingRules("en", (0.0, 0.5, 1.0), 8)
    assert _by_us(model, sounds[2:3] * 3, 3, rules)[0]
    steps = [count for count in seen if count == 3]
    assert steps
    assert len(seen) == len(steps)  # windows of equal sounds end at the same places


def test_known_features_are_not_computed_again(sounds: list[np.ndarray], make_checkpoint: MakeCheckpoint) -> None:
    model, rules, seen = load_model(make_checkpoint(), "cpu"), DecodingRules("en", (0.0,), 8), []
    state = begin(model, 0, sounds[2])
    with torch.inference_mode():
        known = dataclasses.replace(state, features=whisper_steps.features_of(model, torch.float32, [state])[0])
        model.encoder.register_forward_hook(lambda *_: seen.append(1))
        counts, heard = [], []
        for each in (state, known):
            seen.clear()
            heard.append(next(transcribe(model, torch.float32, rules, [each], Batches(windows=1), 1)).segments)
            counts.append(len(seen))
    assert heard[0] == heard[1]
    assert counts[1] == counts[0] - 1


def test_a_batch_that_does_not_fit_is_halved_and_nothing_is_lost(
    sounds: list[np.ndarray], make_checkpoint: MakeCheckpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, rules = load_model(make_checkpoint(), "cpu"), DecodingRules("en", (0.0,), 8)
    usual = _by_us(model, sounds, 4, rules)
    decode, batches = whisper_steps.decode, Batches(windows=4)

    def too_large(model: Whisper, windows: Any, rules: DecodingRules) -> Any:
        if len(windows.features) > 1:
            raise torch.OutOfMemoryError("no memory")
        return decode(model, windows, rules)

    monkeypatch.setattr(whisper_steps, "decode", too_large)
    for halved, told in zip(_by_us(model, sounds, 4, rules, batches), usual, strict=True):
        _assert_same(halved, told)
    assert batches.reductions == 2


def test_progress_tells_the_first_sound_that_is_not_done(
    sounds: list[np.ndarray], make_checkpoint: MakeCheckpoint
) -> None:
    model, told = load_model(make_checkpoint(), "cpu"), []
    with torch.inference_mode():
        begun = [begin(model, number, sound) for number, sound in enumerate(sounds)]
        list(
            transcribe(model, torch.float32, DecodingRules("en", (0.0,), 8), begun, Batches(windows=2), 2, told.append)
        )
    assert told == sorted(told)
    assert told[0] == 0
    assert len(told) >= 3


def test_sounds_are_taken_only_when_there_is_room(sounds: list[np.ndarray], make_checkpoint: MakeCheckpoint) -> None:
    model, taken = load_model(make_checkpoint(), "cpu"), []

    def coming() -> Iterator[SoundState]:
        for number, sound in enumerate(sounds):
            taken.append(number)
            yield begin(model, number, sound)

    with torch.inference_mode():
        rules = DecodingRules("en", (0.0,), 8)
        done = []
        for each in transcribe(model, torch.float32, rules, coming(), Batches(windows=2), 2):
            done.append(each)
            assert len(taken) <= len(done) + 2
    assert len(done) == len(sounds)


def test_a_window_holds_what_is_left_of_its_sound(make_checkpoint: MakeCheckpoint) -> None:
    model = load_model(make_checkpoint(), "cpu")
    state = begin(model, 0, np.zeros(40 * 16_000, np.float32))
    assert (state.frame_count, state.window_frames) == (4000, N_FRAMES)
    late = dataclasses.replace(state, frame=3500)
    assert (late.begins_s, late.window_frames, late.is_done) == (35.0, 500, False)
    assert dataclasses.replace(state, frame=4000).is_done


@pytest.mark.parametrize(
    ("speech_s", "goes_on"),
    [(None, False), (((0.0, 1.9),), False), (((0.0, 2.0), (40.0, 41.0)), True), (((0.0, 12.0),), True)],
)
def test_a_window_goes_on_where_speech_follows_a_text_that_says_it_has_ended(
    speech_s: tuple[tuple[float, float], ...] | None,
    goes_on: bool,
    make_checkpoint: MakeCheckpoint,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, begun = load_model(make_checkpoint(), "cpu"), []
    parts = whisper_steps._parts

    def ended_early(_model: Whisper, windows: Any, _rules: DecodingRules) -> list[DecodingResult]:
        tokens = [50364, 1770, 50364 + 50]  # from 0 s to 1 s, and nothing after it
        return [DecodingResult(windows.features[0], "en", tokens=tokens, avg_logprob=-0.1, no_speech_prob=0.0)]

    def watched(tokenizer: Tokenizer, sound: SoundState, result: DecodingResult) -> Any:
        begun.append(sound.frame)
        return parts(tokenizer, sound, result)

    monkeypatch.setattr(whisper_steps, "decode", ended_early)
    monkeypatch.setattr(whisper_steps, "_parts", watched)
    monkeypatch.setattr(whisper_steps, "with_words", lambda segments, *_: segments)  # their times are Whisper's own
    spoken = None if speech_s is None else np.array(speech_s)
    with torch.inference_mode():
        state = begin(model, 0, np.zeros(12 * 16_000, np.float32), spoken)
        next(transcribe(model, torch.float32, DecodingRules("en"), [state], Batches(windows=1), 1))
    assert begun[:2] == ([0, 100] if goes_on else [0])
