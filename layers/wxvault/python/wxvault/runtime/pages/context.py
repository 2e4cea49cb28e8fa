"""What every page needs to know: whose page it is, for whom, in which language."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_PREFERENCE: Final = re.compile(r"\s*([A-Za-z*-]{1,20})\s*(?:;\s*q=([01](?:\.\d{0,3})?))?\s*")
_LONGEST_HEADER: Final = 1000


class Language(StrEnum):
    """The languages of the pages, by their tags."""

    CHINESE = "zh-Hans"
    ENGLISH = "en"


type Words = Mapping[Language, str]


def both(chinese: str, english: str) -> dict[Language, str]:
    """Return a text in both languages."""
    return {Language.CHINESE: chinese, Language.ENGLISH: english}


@dataclass(frozen=True, slots=True, kw_only=True)
class PageContext:
    """One request, as far as a page is concerned.

    ``nonce`` is fresh for each answer and goes into its Content-Security-Policy.
    ``chosen_language`` is what the page's own switch put into the query (``lang``).
    """

    nonce: str
    accept_language: str
    component_appid: str
    chosen_language: str = ""
    platform_name: str | None = None
    request_id: str = ""

    @property
    def language(self) -> Language:
        """The language to answer in: chosen, else the browser's, else Chinese."""
        if self.chosen_language in {"en", "zh"}:
            return Language.ENGLISH if self.chosen_language == "en" else Language.CHINESE
        return preferred_language(self.accept_language)

    def say(self, words: Words, /, **values: str) -> str:
        """Return a text in the page's language, with values filled in."""
        text = words[self.language]
        return text.format(**values) if values else text


def preferred_language(accept_language: str) -> Language:
    """Choose by an Accept-Language header; merchants of WeChat read Chinese unless they say so."""
    best, weight = Language.CHINESE, 0.0
    for part in accept_language[:_LONGEST_HEADER].split(","):
        found = _PREFERENCE.fullmatch(part)
        if found is None:
            continue
        tag, quality = found[1].lower(), float(found[2] or 1)
        language = _LANGUAGES.get(tag.partition("-")[0])
        if language is not None and quality > weight:
            best, weight = language, quality
    return best


_LANGUAGES: Final = {"zh": Language.CHINESE, "en": Language.ENGLISH}
