"""Choice of the models of a run: those asked for, or their stand-ins where weights cannot be had."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.errors import WeightsError
from pipeline.models.download import check
from pipeline.models.pairs import HELPERS, PARTNERS, UNASKED_PARTNERS, alignment_model
from pipeline.models.registry import STAND_INS, Model, lookup
from pipeline.models.store import cache_dir, fetch_missing, find, missing_text
from pipeline.types import ModelChoice

DOWNLOADS_OFF = "downloads are switched off"


def choose(
    face_detector: str | None,
    speaker_model: str,
    words_model: str | ModelChoice | None,
    identity_model: str | None = None,
    *,
    weights_dir: Path | None = None,
    download: bool = True,
    strict: bool = False,
    language: str | None = None,
    announce: Callable[[str], None] = print,
) -> tuple[ModelChoice, ...]:
    """Choose the models of a run, with their files: those asked for, or their stand-ins.

    Args:
        face_detector: ``s3fd``, ``yunet`` or ``mtcnn``; None when no faces are to be looked for.
        speaker_model: ``talknet``, ``lr-asd``, ``light-asd`` or ``lip-motion``.
        words_model: a Whisper model (``base``, ``whisper-base``) or ``pocketsphinx``; the choice itself, where it is
            made already; None when nothing is to be transcribed.
        identity_model: ``mobilefacenet``, ``sface``, ``auraface``, or ``none`` (which is called ``by-track``); None
            when nobody is to be told apart. The landmarks that the networks need come from YuNet, or from MTCNN where
            YuNet's file is missing.
        weights_dir: searched first; must exist.
        download: fetch files that are found nowhere to `cache_dir`.
        strict: refuse to run on a stand-in.
        language: language of the speech; None or ``auto`` when not known. Nothing stands in for Whisper in other than
            English.
        announce: called with lines for people: downloads, and the stand-ins with the reason.

    Returns:
        One choice for each job, in the order faces, speaking, words, identity; two for speaking where a network has
        two files that are used together. TalkNet's second one is used where it is found, and not fetched. Asking for
        ``mtcnn`` and the like by name is no stand-in, nor is one of the two files alone.

    Raises:
        WeightsError: a file is damaged, a name or path does not exist, or weights are missing and *strict* or
            *language* forbids the stand-in.
    """
    own = words_model if isinstance(words_model, ModelChoice) else None
    asked = [lookup(face_detector, "faces")] if face_detector else []
    asked.append(lookup(speaker_model, "speaking"))
    if isinstance(words_model, str):
        asked.append(lookup(words_model, "words"))
    if identity_model:
        asked.append(lookup(identity_model, "identity"))
    files: dict[str, Path] = {}
    reasons = _gather(asked, files, weights_dir, download, announce)
    helpers = [lookup(HELPERS[model.name]) for model in asked if model.name in HELPERS and model.name in files]
    partners = {model.name: lookup(PARTNERS[model.name]) for model in asked if model.name in PARTNERS}
    partners = {name: partner for name, partner in partners.items() if _is_wanted(partner, weights_dir)}
    more = [model for model in (*helpers, *partners.values()) if model not in asked]
    reasons |= _gather(more, files, weights_dir, download, announce)
    alone = {}
    for model in asked:
        pair = [model, partners[model.name]] if model.name in partners else []
        missing = [each for each in pair if each.name not in files]
        if len(missing) == 1:
            alone[model.name] = _alone(next(each for each in pair if each.name in files), missing[0], files, reasons)
            announce(alone[model.name].why)
    absent = [model for model in dict.fromkeys([*asked, *helpers]) if model.name in reasons and model.name not in alone]
    if absent:
        told = missing_text(absent, reasons, weights_dir)
        if strict:
            raise WeightsError(f"{told}\nNothing may stand in for what is missing: --strict.")
        if "words" in {model.role for model in absent} and language not in (None, "", "auto", "en"):
            raise WeightsError(f"{told}\nPocketSphinx, which could stand in, knows English only, not {language!r}.")
        lines = [
            f"STAND-IN for {model.name} ({model.role}): {STAND_INS[model.role]}. Its output is not {model.name}'s."
            for model in absent
            if model in asked
        ]
        lines += [
            f"STAND-IN for {model.name} (landmarks): mtcnn. What depends on them is not quite the same."
            for model in helpers
            if model in absent
        ]
        announce("\n".join([told, *lines]))
    choices: list[ModelChoice] = []
    for model in asked:
        choices.append(alone.get(model.name) or _choice(model, files, reasons.get(model.name)))
        if model.name in partners and model.name not in alone and model not in absent:
            choices.append(_choice(partners[model.name], files, None))
    return tuple(sorted([*choices, *([own] if own else [])], key=lambda choice: list(STAND_INS).index(choice.role)))


def choose_alignment(
    language: str,
    *,
    weights_dir: Path | None = None,
    download: bool = True,
    required: bool = True,
    announce: Callable[[str], None] = print,
) -> ModelChoice | None:
    """Choose the network that aligns words to the sound. Nothing stands in for it.

    Args:
        language: language of the speech, or ``auto``.
        weights_dir: searched first; must exist.
        download: fetch it to `cache_dir` when it is found nowhere and *required*.
        required: without it, the network is taken where it happens to be here.
        announce: called with lines for people.

    Returns:
        The choice of the job ``alignment``; None where it is neither here nor required.

    Raises:
        WeightsError: the file is damaged, or cannot be had although it is required.
    """
    model = lookup(alignment_model(language), "alignment")
    files: dict[str, Path] = {}
    reasons = _gather([model], files, weights_dir, download and required, announce)
    if reasons and required:
        smaller = "With --whisper-language en a smaller network serves. " if language != "en" else ""
        raise WeightsError(
            f"{missing_text([model], reasons, weights_dir)}\n--align needs it, and nothing stands in for it. "
            f"{smaller}Without --align, words keep the times of the recogniser or of the transcript."
        )
    return _choice(model, files, None) if files else None


def _gather(
    models: Sequence[Model],
    files: dict[str, Path],
    weights_dir: Path | None,
    download: bool,
    announce: Callable[[str], None],
) -> dict[str, str]:
    """Put the files of *models* into *files*, by name, downloaded where needed; for a missing one, put the reason."""
    files |= {model.name: path for model in models if (path := find(model.name, weights_dir)) is not None}
    missing = [model for model in models if model.file is not None and model.name not in files]
    if not download:
        return dict.fromkeys((model.name for model in missing), DOWNLOADS_OFF)
    reasons = fetch_missing(missing, cache_dir(), announce)
    fetched = [model.name for model in missing if model.name not in reasons]
    files |= {name: path for name in fetched if (path := find(name, cache_dir())) is not None}
    return reasons


def _is_wanted(partner: Model, weights_dir: Path | None) -> bool:
    return partner.name not in UNASKED_PARTNERS or find(partner.name, weights_dir) is not None


def _alone(here: Model, missing: Model, files: Mapping[str, Path], reasons: Mapping[str, str]) -> ModelChoice:
    """Return the one of two models that belong together whose file is here."""
    why = f"{here.name} alone: {missing.file} of {missing.name} is not on this machine, and "
    return replace(_choice(here, files, None), why=why + reasons[missing.name].splitlines()[0])


def _choice(model: Model, files: Mapping[str, Path], reason: str | None) -> ModelChoice:
    """Return *model* with its file of *files*, or its stand-in where the file is missing for a *reason*."""
    if reason:
        why = f"{model.file} is not on this machine, and {reason.splitlines()[0]}"
        return ModelChoice(model.role, STAND_INS[model.role], None, stands_in_for=model.name, why=why)
    path, helper = files.get(model.name), HELPERS.get(model.name)
    why = "" if helper is None or helper in files else f"{helper} is not on this machine: mtcnn finds the landmarks"
    return ModelChoice(
        model.role,
        model.name,
        path,
        sha256=(model.model_sha256 or check(model, path)) if path else None,
        why=why,
        helper=files.get(helper) if helper else None,
    )
