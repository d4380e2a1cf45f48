"""Whisper's decoder over several windows at once.

The encoder runs once for each window. Every temperature, and the times of the words, start from its features and from
the keys and values that the decoder's cross-attention makes of them. Tokens are chosen by openai-whisper's own rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from whisper.decoding import DecodingOptions, DecodingResult, DecodingTask, GreedyDecoder, Inference
from whisper.model import LayerNorm, TextDecoder, Whisper

TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
"""Whisper's own ladder: the next one is tried where the last gave improbable or repetitive text."""

COMPRESSION_LIMIT = 2.4
"""Whisper's own sign of repetitive text: it shrinks to less than 1 / 2.4 by zlib."""

LOG_PROBABILITY_LIMIT = -1.0
"""Whisper's own sign of improbable text: the mean over its tokens is below."""

NO_SPEECH_LIMIT = 0.6
"""Whisper's own sign of silence: improbable text with a higher probability that nobody speaks is left out."""

_SEED = 0

_FEW_ROWS = 8
"""Rows up to which the product of the vocabulary with them is faster than that of them with the vocabulary, in the
mathematics library that PyTorch has for CPUs."""

_COMPACT_AT = 0.75
"""Share of the rows in memory that are unfinished, below which the finished ones are taken out: it costs a copy."""


@dataclass(frozen=True, slots=True, eq=False)
class EncodedWindows:
    """Features of B windows, and the keys and values that the decoder makes of them."""

    features: Tensor
    """(B, positions, state): the output of the encoder."""
    cross: Mapping[nn.Module, Tensor]
    """(B, positions, state) for the modules that give keys and values of the decoder's cross-attention."""

    def rows(self, chosen: Sequence[int]) -> EncodedWindows:
        """Return some of the windows."""
        if list(chosen) == list(range(len(self.features))):
            return self
        index = torch.tensor(chosen, device=self.features.device)
        cross = {module: tensor.index_select(0, index) for module, tensor in self.cross.items()}
        return EncodedWindows(self.features.index_select(0, index), cross)


@dataclass(frozen=True, slots=True)
class DecodingRules:
    """Rules of the search for text.

    Args:
        language: a code that the model knows.
        temperatures: temperatures in the order in which they are tried.
        sample_len: greatest number of tokens in a window; None for Whisper's own, half of its context.
    """

    language: str
    temperatures: tuple[float, ...] = TEMPERATURES
    sample_len: int | None = None


def with_weights_in(model: Whisper, dtype: torch.dtype) -> Whisper:
    """Store the weights in the format of the computation, in place; openai-whisper converts them at every use.

    Normalisation stays in float32, as there.
    """
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv1d | nn.Embedding):
            module.to(dtype)
        assert not isinstance(module, LayerNorm) or module.weight.dtype == torch.float32
    return model


def encoded(model: Whisper, features: Tensor) -> EncodedWindows:
    """Prepare features of the encoder for the decoder.

    Args:
        model: the network.
        features: (B, positions, state).
    """
    cross: dict[nn.Module, Tensor] = {}
    for block in model.decoder.blocks:
        for module in (block.cross_attn.key, block.cross_attn.value):  # type: ignore[union-attr]
            cross[module] = module(features)
    return EncodedWindows(features, cross)


def hidden_states(
    decoder: TextDecoder, tokens: Tensor, first: int, features: Tensor, cache: dict[nn.Module, Tensor]
) -> Tensor:
    """Run the decoder without its last layer, which turns states into logits.

    Args:
        decoder: the network.
        tokens: (B, N), at places from *first* on.
        first: number of tokens before.
        features: (B, positions, state).
        cache: keys and values by module: those of the sound, and those of the tokens before where they are kept.

    Returns:
        (B, N, state).
    """
    x = decoder.token_embedding(tokens) + decoder.positional_embedding[first : first + tokens.shape[1]]
    x = x.to(features.dtype)
    for block in decoder.blocks:
        x = block(x, features, mask=decoder.mask, kv_cache=cache)
    return decoder.ln(x)


def logits_of(decoder: TextDecoder, states: Tensor) -> Tensor:
    """Return (…, vocabulary) float32 logits of (…, state) hidden states."""
    weight = decoder.token_embedding.weight.to(states.dtype)
    rows = states.flatten(0, -2)
    if states.is_cpu and 1 < len(rows) <= _FEW_ROWS:
        return (weight @ rows.t()).t().contiguous().view(*states.shape[:-1], -1).float()
    return functional.linear(states, weight).float()


def decode(model: Whisper, windows: EncodedWindows, rules: DecodingRules) -> list[DecodingResult]:
    """Search the text of every window, climbing the ladder of temperatures for those that need it.

    Sampling draws from a generator of its own for every window and temperature: draws for one window do not
    depend on the others.
    """
    results: dict[int, DecodingResult] = {}
    pending = list(range(len(windows.features)))
    for rung, temperature in enumerate(rules.temperatures):
        options = DecodingOptions(
            language=rules.language, temperature=temperature, sample_len=rules.sample_len, fp16=False
        )
        found = _Task(model, options, windows.rows(pending), _SEED + rung).run(windows.features[pending])
        results.update(zip(pending, found, strict=True))
        pending = [row for row in pending if _is_doubtful(results[row])]
        if not pending:
            break
    return [results[row] for row in range(len(windows.features))]


def is_silence(result: DecodingResult) -> bool:
    """Return True where Whisper itself leaves the text out: nobody seems to speak, and the text is improbable."""
    return result.no_speech_prob > NO_SPEECH_LIMIT and not result.avg_logprob > LOG_PROBABILITY_LIMIT


def _is_doubtful(result: DecodingResult) -> bool:
    """Return True where the next temperature is to be tried."""
    improbable = result.avg_logprob < LOG_PROBABILITY_LIMIT
    if improbable and result.no_speech_prob > NO_SPEECH_LIMIT:
        return False
    return improbable or result.compression_ratio > COMPRESSION_LIMIT


class _Task(DecodingTask):
    """Search of openai-whisper, with logits and random draws of our own."""

    def __init__(self, model: Whisper, options: DecodingOptions, windows: EncodedWindows, seed: int) -> None:
        super().__init__(model, options)
        self.inference = _BatchInference(model, windows, self.tokenizer.eot)
        self.decoder = _SeededSampler(options.temperature, self.tokenizer.eot, seed)

    def _get_audio_features(self, mel: Tensor) -> Tensor:
        return mel


class _BatchInference(Inference):
    """Inference of the next token of every window that has not ended.

    Args:
        model: the network.
        windows: B windows.
        eot: the token that ends a text.
    """

    def __init__(self, model: Whisper, windows: EncodedWindows, eot: int) -> None:
        self._decoder = model.decoder
        self._windows = windows
        self._eot = eot
        self._rows = torch.arange(len(windows.features), device=windows.features.device)
        self._past: dict[nn.Module, Tensor] = {}
        self._length = 0
        own = [module for block in model.decoder.blocks for module in (block.attn.key, block.attn.value)]
        self._hooks = [module.register_forward_hook(self._remember) for module in own]

    def logits(self, tokens: Tensor, audio_features: Tensor) -> Tensor:
        """Return (B, N, vocabulary) float32 for the tokens that are new; zeros for texts that have ended."""
        if self._length:
            self._forget_ended(tokens[self._rows, -1] != self._eot)
        new = tokens[self._rows, self._length :]
        cache = {**self._windows.cross, **self._past}
        states = hidden_states(self._decoder, new, self._length, self._windows.features, cache)
        found = logits_of(self._decoder, states)
        self._length = tokens.shape[1]
        if len(self._rows) == len(tokens):
            return found
        return found.new_zeros(len(tokens), *found.shape[1:]).index_copy_(0, self._rows, found)

    def cleanup_caching(self) -> None:
        """Take the hooks off the network."""
        for hook in self._hooks:
            hook.remove()
        self._past = {}

    def _remember(self, module: nn.Module, _: object, output: Tensor) -> Tensor:
        """Put the keys or values of the tokens before in front of those of the new ones, and keep all."""
        before = self._past.get(module)
        self._past[module] = output if before is None else torch.cat([before, output], dim=1)
        return self._past[module]

    def _forget_ended(self, going: Tensor) -> None:
        """Take ended texts out of memory once they are many."""
        kept = going.nonzero().flatten()
        if len(kept) > _COMPACT_AT * len(self._rows):
            return
        self._rows = self._rows[kept]
        self._past = {module: tensor[kept] for module, tensor in self._past.items()}
        self._windows = self._windows.rows(kept.tolist())


class _SeededSampler(GreedyDecoder):
    """Sampler of the most probable token, or at a temperature of one drawn from a generator of each row's own."""

    def __init__(self, temperature: float, eot: int, seed: int) -> None:
        super().__init__(temperature, eot)
        self._seed = seed
        self._generators: list[torch.Generator] = []

    def update(self, tokens: Tensor, logits: Tensor, sum_logprobs: Tensor) -> tuple[Tensor, bool]:
        """Choose the next token of every row; see `whisper.decoding.TokenDecoder`."""
        if self.temperature == 0:
            return super().update(tokens, logits, sum_logprobs)
        if not self._generators:
            made = [torch.Generator(logits.device) for _ in range(len(tokens))]
            self._generators = [generator.manual_seed(self._seed) for generator in made]
        chances = functional.softmax(logits / self.temperature, dim=-1)
        drawn = [torch.multinomial(row, 1, generator=own) for row, own in zip(chances, self._generators, strict=True)]
        chosen = torch.cat(drawn)
        ended = tokens[:, -1] == self.eot
        log_chances = functional.log_softmax(logits, dim=-1).gather(1, chosen[:, None])[:, 0]
        sum_logprobs += log_chances * ~ended
        chosen[ended] = self.eot
        tokens = torch.cat([tokens, chosen[:, None]], dim=-1)
        return tokens, bool((chosen == self.eot).all())
