"""Alignment of a known text to sound, with the wav2vec 2.0 networks that torchaudio publishes.

The architectures are torchaudio's own. Only the weights come from a file (`pipeline.models.registry`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor
from torchaudio import pipelines
from torchaudio.models import Wav2Vec2Model, wav2vec2_base, wav2vec2_large_lv60k

from pipeline.checkpoint import check_layout, read_checkpoint
from pipeline.errors import WeightsError
from pipeline.speech.ctc import spelled, word_frames
from pipeline.speech.words import place_words, spread
from pipeline.types import AUDIO_RATE_HZ, AudioTrack, Word

FRAME = 320
"""Samples to one frame of the output: the product of the strides 5, 2, 2, 2, 2, 2, 2 of the feature extractor."""

RECEPTIVE = 400
"""Samples that one frame sees, from its first on."""

WINDOW_S = 30
"""Seconds of sound in one pass of the network: attention grows with their square."""

CONTEXT_S = 2
"""Seconds on either side of a window that are heard with it and thrown away, so that no word is cut."""

LONGEST_S = 600.0
"""Longest span that is aligned; words of longer ones are spread: memory grows with their length times their letters."""

UNUSED_OUTPUTS = (1, 2, 3)
"""Rows of the last layer in the published files that belong to no label; torchaudio leaves them out too."""


@dataclass(frozen=True, slots=True)
class Network:
    """Published network."""

    build: Callable[[], Wav2Vec2Model]
    labels: tuple[str, ...]
    """Letters in the order of its outputs, the blank first."""
    normalised: bool
    """True where it wants sound of mean 0 and variance 1."""
    language: str | None
    """The one language it knows; None for every language in the letters of its dictionary."""


NETWORKS: Mapping[str, Network] = MappingProxyType(
    {
        "wav2vec2-base-960h": Network(
            lambda: wav2vec2_base(aux_num_out=29), pipelines.WAV2VEC2_ASR_BASE_960H.get_labels(), False, "en"
        ),
        "mms-fa": Network(
            lambda: wav2vec2_large_lv60k(aux_num_out=28), pipelines.MMS_FA.get_labels(star=None), True, None
        ),
    }
)
"""Networks by their name in the table of weights: Baevski et al., "wav2vec 2.0", 2020, fine-tuned on LibriSpeech, and
Pratap et al., "Scaling Speech Technology to 1,000+ Languages", 2023."""


class NetworkAligner:
    """Loaded network. One serves any number of recordings, one call at a time.

    Args:
        model: the network, on its device.
        network: its description.
        device: as PyTorch names it.
    """

    def __init__(self, model: Wav2Vec2Model, network: Network, device: str) -> None:
        self._model, self._network, self._device = model, network, device
        self._labels = {label.casefold(): number for number, label in enumerate(network.labels) if number}
        self._separator = self._labels.pop("|", None)

    def speaks(self, language: str) -> bool:
        """Return True where the network is for texts in that language (ISO 639-1 code, ``und`` when not known)."""
        return self._network.language in (None, language)

    def align(self, audio: AudioTrack, texts: Sequence[str], start_s: float, end_s: float) -> tuple[Word, ...]:
        """Find the times of the words of a text that is said in ``[start_s, end_s)``, with any silence around it.

        A word with a character outside the dictionary, such as a digit, gets the room that its neighbours leave, and is
        marked ``interpolated``; so are all words where the text has more letters than the sound has frames. A word
        begins with the frame of its first letter and ends with that of its last: a network of this kind marks the frame
        in which a letter becomes clear, so that the last sound of a word may go on for some hundredths of a second.

        Args:
            audio: the recording.
            texts: the words as written; they come back unchanged.
            start_s: start of the span; clipped to the recording, as is its end.
            end_s: end of the span.
        """
        start_s, end_s = np.clip([start_s, end_s], 0.0, audio.duration_s).tolist()
        labels = [spelled(text, self._labels) for text in texts]
        frames = None
        if any(labels) and end_s - start_s <= LONGEST_S:
            first, last = round(start_s * AUDIO_RATE_HZ), round(end_s * AUDIO_RATE_HZ)
            frames = word_frames(self.log_probs(audio, first, last), labels, self._separator)
        if frames is None:
            placed, measured = spread(texts, start_s, end_s), np.zeros(len(texts), bool)
        else:
            times_s = start_s + frames * (FRAME / AUDIO_RATE_HZ)
            placed, measured = place_words(texts, times_s, start_s, end_s)
        return tuple(
            Word(text, float(begin), float(end), None, "measured" if found else "interpolated")
            for text, (begin, end), found in zip(texts, placed, measured, strict=True)
        )

    def log_probs(self, audio: AudioTrack, first: int, last: int) -> Tensor:
        """Return (T, C) float32 on the CPU: the log probability of each label in each 320 samples of ``[first,
        last)``."""
        parts = [self._window(audio, start, stop) for start, stop in _windows(first, last)]
        return torch.cat(parts) if parts else torch.zeros(0, len(self._network.labels))

    def _window(self, audio: AudioTrack, start: int, stop: int) -> Tensor:
        """Return the frames of one window; the context around it is heard and its frames dropped."""
        context = CONTEXT_S * AUDIO_RATE_HZ // FRAME
        count = -(-(stop - start) // FRAME)
        before = min(context, start // FRAME)
        after = min(context, max(audio.sample_count - stop, 0) // FRAME)
        low, heard = start - before * FRAME, before + count + after
        sound = audio.read(low, low + (heard - 1) * FRAME + RECEPTIVE).astype(np.float32) / 32768
        wave = torch.from_numpy(sound)[None].to(self._device)
        with torch.inference_mode():
            if self._network.normalised:
                wave = torch.nn.functional.layer_norm(wave, wave.shape)
            output, _ = self._model(wave)
        return torch.log_softmax(output[0, before : before + count].float(), dim=-1).cpu()


def load_aligner(name: str, weights: Path | None, device: str) -> NetworkAligner:
    """Load a network of `NETWORKS`.

    Args:
        name: name in the table of weights.
        weights: the published file.
        device: as PyTorch names it.

    Raises:
        WeightsError: there is no such network, or the file is missing, damaged or of another network.
    """
    network = NETWORKS.get(name)
    if network is None or weights is None:
        raise WeightsError(f"{name}: no network for alignment with a file of weights. There are: {', '.join(NETWORKS)}")
    model = network.build()
    found = _with_names_of_today(read_checkpoint(weights))
    for tensor in ("aux.weight", "aux.bias"):
        if tensor in found and len(found[tensor]) == len(network.labels) + len(UNUSED_OUTPUTS):
            kept = [row for row in range(len(found[tensor])) if row not in UNUSED_OUTPUTS]
            found[tensor] = found[tensor][kept]
    check_layout(found, model.state_dict(), weights)
    model.load_state_dict(found)
    return NetworkAligner(model.to(torch.device(device)).eval(), network, device)


def _windows(first: int, last: int) -> Iterator[tuple[int, int]]:
    """Split ``[first, last)`` into pieces of `WINDOW_S`; all but the last hold whole frames."""
    step = WINDOW_S * AUDIO_RATE_HZ // FRAME * FRAME
    for start in range(first, last, step):
        yield start, min(start + step, last)


def _with_names_of_today(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the two parts of a normalised weight, which PyTorch renamed after these files were published."""
    renamed = {".weight_g": ".parametrizations.weight.original0", ".weight_v": ".parametrizations.weight.original1"}
    names = {}
    for name in tensors:
        old = next((end for end in renamed if name.endswith(end)), "")
        names[name] = name.removesuffix(old) + renamed.get(old, "")
    return {names[name]: tensor for name, tensor in tensors.items()}
