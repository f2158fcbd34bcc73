"""How logits become colors: the temperature, rebalancing, rarity and coherence asked for."""

from __future__ import annotations

from typing import Any, NamedTuple

from colorize.decoding.styles import style_settings
from colorize.errors import ColorizeError
from colorize.models.metadata import ModelMetadata


class Decoding(NamedTuple):
    """Settings of the decoding, see `pipeline.Colorizer`; all None where a network predicts ab."""

    temperature: float | None
    rebalance: float | None
    rarity: float | None
    coherence: float | None

    @classmethod
    def of(
        cls,
        metadata: ModelMetadata,
        style: str | None = None,
        temperature: float | None = None,
        rebalance: float | None = None,
        rarity: float | None = None,
        coherence: float | None = None,
    ) -> Decoding:
        """Return the settings, the style's where they are None.

        Raises ColorizeError for one out of range, or that the network has no use for.
        """
        given = cls(temperature, rebalance, rarity, coherence)
        if metadata.output != "logits":
            _refuse_all({"style": style, **given._asdict()})
            return given
        if rebalance is not None and metadata.class_weights is None:
            raise ColorizeError("rebalance: these weights don't say how they were rebalanced")
        defaults = style_settings(metadata, style)
        if metadata.prior is None and (rarity is not None or defaults.rare_color_boost):
            raise ColorizeError("rarity: these weights don't say how common each color was")
        result = cls(
            defaults.temperature if temperature is None else temperature,
            defaults.rebalance if rebalance is None else rebalance,
            defaults.rare_color_boost if rarity is None else rarity,
            defaults.coherence if coherence is None else coherence,
        )
        result._check()
        return result

    def _check(self) -> None:
        assert self.temperature is not None
        if not 0.01 <= self.temperature <= 10:
            raise ColorizeError(f"temperature {self.temperature}: give one from 0.01 to 10")
        shares = self._asdict()
        del shares["temperature"]
        for name, share in shares.items():
            assert share is not None
            if not 0 <= share <= 1:
                raise ColorizeError(f"{name} {share}: give a share from 0 to 1")


def _refuse_all(settings: dict[str, Any]) -> None:
    for name, value in settings.items():
        if value is not None:
            raise ColorizeError(
                f"{name}: this network predicts colors, not a distribution; leave it out"
            )
