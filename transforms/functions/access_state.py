"""Whether a page gave its article or something in front of it: a paywall, a consent wall, a bot check.

Conservative: a long text is `ok` unless the page itself says that it is for subscribers. Phrases count only in short
pages or near the end of a short text, as articles about paywalls, cookies and captchas use them too.
"""

from __future__ import annotations

import re

OK = "ok"
PAYWALL = "paywall"
CONSENT_WALL = "consent_wall"
BOT_WALL = "bot_wall"
TRUNCATED = "truncated"

LONG_WORDS = 350
"""Words from which a text counts as a whole article: teasers in front of paywalls have 30-200."""

SHORT_WORDS = 150
"""Words up to which a text may be the wall itself."""

_BOT_WALL = re.compile(
    r"verify(?:ing)?\s+(?:that\s+)?you\s+are\s+(?:a\s+)?(?:human|not\s+a\s+(?:ro)?bot)"
    r"|are\s+you\s+a\s+(?:robot|human)\?|checking\s+(?:your\s+browser|if\s+the\s+site\s+connection)"
    r"|enable\s+javascript\s+and\s+cookies\s+to\s+continue|please\s+(?:complete|solve)\s+the\s+captcha"
    r"|unusual\s+(?:traffic|activity)\s+from\s+your"
    r"|pardon\s+our\s+interruption|access\s+(?:to\s+this\s+page\s+has\s+been\s+)?denied"
    r"|attention\s+required!?\s*\|\s*cloudflare|just\s+a\s+moment\.\.\."
    r"|request\s+unsuccessful\.\s+incapsula"
    r"|press\s+(?:&|and)\s+hold\s+to\s+confirm|bist\s+du\s+ein\s+(?:mensch|roboter)"
    r"|sind\s+sie\s+ein\s+(?:mensch|roboter)|best[äa]tigen\s+sie,?\s+dass\s+sie\s+(?:ein\s+mensch"
    r"|kein\s+roboter)"
    r"|v[ée]rifiez\s+que\s+vous\s+[êe]tes\s+(?:un\s+)?humain|verifica\s+que\s+eres\s+humano",
    re.IGNORECASE,
)
_CONSENT_WALL = re.compile(
    r"(?:accept|agree|consent)\w*\s+(?:to\s+)?(?:all\s+|the\s+use\s+of\s+|our\s+use\s+of\s+)?(?:cookies?"
    r"|tracking|and\s+continue)|we\s+(?:and\s+our\s+\d*\s*partners\s+)?(?:use|value|store)\s+(?:cookies"
    r"|your\s+privacy)"
    r"|we\s+value\s+your\s+privacy|before\s+you\s+continue\s+to|mit\s+werbung\s+(?:weiterlesen|lesen"
    r"|und\s+tracking)|werbefrei\s+lesen|(?:nutzung|verwendung)\s+von\s+cookies\s+(?:zustimmen"
    r"|einverstanden)|cookies?\s+(?:zustimmen|akzeptieren)|zustimmung\s+(?:jederzeit\s+)?widerruf"
    r"|accepter\s+(?:et\s+continuer|les\s+cookies)|continuer\s+sans\s+accepter|aceptar\s+(?:y\s+continuar"
    r"|(?:las\s+|todas\s+las\s+)?cookies)|accetta(?:re)?\s+(?:i\s+)?cookie|aceitar\s+(?:os\s+)?cookies",
    re.IGNORECASE,
)
_PAYWALL = re.compile(
    r"(?:subscribe|log\s*in|sign\s+in|register|sign\s+up)\s+(?:now\s+)?(?:to"
    r"|for\s+full\s+access\s+to)\s+(?:continue|keep|read|unlock|view|access|see)|to\s+(?:continue"
    r"|keep)\s+reading|(?:this|the\s+full)\s+(?:article|story|content)\s+is\s+(?:only\s+)?(?:for"
    r"|available\s+(?:only\s+)?(?:to|for)|reserved\s+for|exclusive\s+to)\s+(?:our\s+)?(?:paying\s+"
    r"|premium\s+)?(?:subscribers|members)"
    r"|subscribers?[\s-]only|already\s+a\s+(?:subscriber|member)\?|you(?:\s+ha"
    r"|')ve\s+reached\s+your\s+(?:\w+\s+)?limit|to\s+view\s+the\s+full\s+story,?\s+please\s+subscribe"
    r"|unlock\s+this\s+(?:article|story)"
    r"|(?:jetzt|um)\s+weiter(?:zu)?lesen|weiterlesen\s+mit|(?:diesen|dieser|den\s+ganzen)\s+(?:artikel"
    r"|inhalt|text).{0,60}(?:abonnent|abo\b|plus|premium|registrier)|nur\s+f[üu]r\s+abonnent"
    r"|bereits\s+(?:abonnent|registriert|digital-abonnent)"
    r"|mit\s+(?:einem\s+)?(?:\w+[+-])?abo\s+(?:weiter)?lesen"
    r"|(?:article|contenu)\s+(?:est\s+)?r[ée]serv[ée]\s+aux\s+abonn|il\s+vous\s+reste\s+[\d.,]+\s*%"
    r"|d[ée]j[àa]\s+abonn|abonnez-vous\s+pour\s+(?:lire|continuer|acc)|pour\s+lire\s+la\s+suite"
    r"|(?:contenido|art[íi]culo|nota)\s+(?:es\s+)?(?:exclusiv[oa]"
    r"|solo)\s+para\s+(?:nuestros\s+)?suscriptores|suscr[íi]b[ea]te\s+para\s+(?:seguir|continuar|leer)"
    r"|para\s+(?:seguir|continuar)\s+leyendo|(?:conte[úu]do|mat[ée]ria)\s+exclusiv[oa]\s+para\s+assinantes"
    r"|(?:contenuto|articolo)\s+(?:[èe]\s+)?riservato\s+agli\s+abbonati|hai\s+gi[àa]\s+un\s+abbonamento"
    r"|(?:alleen|exclusief)\s+voor\s+abonnees|dost[ęe]p\s+tylko\s+dla\s+(?:subskrybent|prenumerat)",
    re.IGNORECASE,
)
_CUT_OFF = re.compile(
    r"(?:\[?(?:…|\.\.\.)\]?|\b(?:read\s+more|continue\s+reading|weiterlesen|lire\s+la\s+suite"
    r"|leer\s+m[áa]s|leia\s+mais|czytaj\s+dalej)\W*)\s*$",
    re.IGNORECASE,
)

_PAGE_CHARACTERS = 20_000
"""Characters of page text in which walls are looked for, from either end."""


def is_bot_wall(page_text: str, word_count: int) -> bool:
    """Whether the whole page is a check for robots: little text, and a phrase of such checks in it."""
    return word_count <= SHORT_WORDS and len(page_text) <= 5_000 and _BOT_WALL.search(page_text) is not None


def find_access_state(text: str, *, page_text: str, is_free: bool | None = None, is_locked: bool = False) -> str:
    """Return `ok`, `paywall`, `consent_wall`, `bot_wall` or `truncated` for an extracted text.

    Args:
        text: the article as extracted.
        page_text: all text of the page, in which a wall stands that extraction left out.
        is_free: schema.org's isAccessibleForFree, where the page states it.
        is_locked: whether the page's head says that the article is for subscribers.
    """
    words = count_words(text)
    ends = f"{page_text[:_PAGE_CHARACTERS]}\n{page_text[-_PAGE_CHARACTERS:]}"
    if is_bot_wall(page_text, words):
        return BOT_WALL
    if words >= LONG_WORDS:
        # Many sites state isAccessibleForFree=false and still send the whole text: its length decides.
        return OK
    if is_free is False or is_locked or _PAYWALL.search(text[-600:]) or (words < SHORT_WORDS and _PAYWALL.search(ends)):
        return PAYWALL
    if words < SHORT_WORDS and _CONSENT_WALL.search(text):
        return CONSENT_WALL
    return TRUNCATED if _CUT_OFF.search(text) else OK


def count_words(text: str) -> int:
    """Return the number of words; in Chinese, Japanese and Thai, which have no spaces, two letters count as one."""
    dense = len(re.findall(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]", text))
    return dense // 2 + len(re.findall(r"[^\W\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]+", text))
