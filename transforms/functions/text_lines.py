"""Lines that stand in an extracted text but are not of the article: what the page says around and between it.

Extraction works on boxes; what is left over after it are single lines inside the article's own box: the headline again,
bylines and dates, picture credits, "Read also", invitations to subscribe. Each rule was chosen on one half of the
development pages and kept only if it also gained on the other.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_TOP_LINES = 4
"""Lines at the head of a text in which the headline, the byline and the date are looked for."""

_SHORT = 160
"""Characters of the longest line that a phrase at its start can condemn; a longer line is a paragraph."""

# "Read also" in the languages of the big news sites, at the start of a line and followed by a title.
_READ_ALSO = re.compile(
    r"^[\W_]*(?:read\s+(?:also|more|next|the\s+full|full)|also\s+read|see\s+also|related\s*:"
    r"|related\s+(?:articles?|stories|posts?|news|reading|topics?|content)|more\s+(?:on\s+this|from"
    r"|about\s+this|stories|news|like\s+this)"
    r"|recommended|you\s+(?:may|might)\s+(?:also|like)|don.t\s+miss|watch\s*:|listen\s*:|up\s+next"
    r"|most\s+(?:read|popular)|trending|further\s+reading|learn\s+more\b.{0,12}$"
    r"|lesen\s+sie\s+(?:auch|mehr|hier)|lies\s+auch|mehr\s+(?:zum\s+thema|dazu|lesen|aus|infos?\b.{0,20}$)"
    r"|weitere\s+(?:themen|artikel|infos?\b|informationen\s*:?$|informationen\s+zu[mr]?|meldungen|beitr"
    r"|news|tipps|tourentipps)|weiterlesen|auch\s+interessant|das\s+k(?:ö|oe)nnte|schon\s+gelesen"
    r"|passend\s+dazu|zum\s+thema|siehe\s+auch|lust\s+auf\s+mehr|top-themen|meistgelesen|empfehlungen"
    r"|(?:à|a)\s+lire|lire\s+(?:aussi|également)|voir\s+aussi|sur\s+le\s+m[êe]me\s+(?:sujet|th[èe]me)"
    r"|pour\s+(?:lire\s+la\s+suite|aller\s+plus\s+loin|acc[ée]der)|notre\s+s[ée]lection"
    r"|lea\s*(?:tambi[ée]n|m[áa]s|adem[áa]s)?\s*:|lee\s+(?:tambi[ée]n|m[áa]s)|(?:te"
    r"|le)\s+puede\s+interesar|puedes?\s+(?:ver|leer)\s*:|mira\s*:|vea\s*(?:tambi[ée]n|adem[áa]s)?\s*:"
    r"|ver\s+tambi[ée]n|tambi[ée]n\s+(?:lea|lee|te\s+puede)|notas?\s+relacionadas?"
    r"|noticias?\s+relacionadas?|m[áa]s\s+(?:noticias|informaci[óo]n\s*:)|relacionad[ao]s?"
    r"|art[íi]culos?\s+relacionad"
    r"|leia\s+(?:tamb[ée]m|mais)|veja\s+(?:tamb[ée]m|mais)|saiba\s+mais|leggi\s+(?:anche|di\s+pi)"
    r"|potrebbe\s+interessarti|czytaj\s+(?:te[żz]|wi[ęe]cej|tak[żz]e|r[óo]wnie[żz])|zobacz\s+(?:te[żz]"
    r"|tak[żz]e|r[óo]wnie[żz])|przeczytaj|polecamy|lees\s+(?:ook|meer)|l[äa]s\s+(?:också|mer|ocks)"
    r"|lue\s+(?:my[öo]s|lis[äa])|l[æa]s\s+(?:ogs[åa]|mere)|les\s+(?:ogs[åa]|mer)|читайте\s+также"
    r"|см\.?\s+также|ayrıca|相关(?:阅读|新闻|报道)|関連記事)",
    re.IGNORECASE,
)
_CREDIT = re.compile(
    r"^[\W_]*(?:(?:photo|foto|fot|image|bild|picture|graphic|grafik|video|cr[ée]dits?|credit|copyright"
    r"|titelbild|beitragsbild|quelle|symbolbild|fotos|photos|images|bilder|cover|imagen|cortes[íi]a"
    r"|foto[s]?\s+(?:von|de|di))"
    r"(?:\s*(?:credits?|by|par|von|de|courtesy|illustrative|photos?|source|via|illustration))?\s*[:/|©(]|©"
    r"|\(c\)\s|image\s+(?:courtesy|via|credit|source)|photo\s+(?:by|courtesy|via|credit)|photograph\s+by"
    r"|foto\s+de\b|bild\s+anzeigen|beitragsbild\b|getty\s+images|shutterstock|screenshot\s*:|file\s+photo)",
    re.IGNORECASE,
)
_INVITATION = re.compile(
    r"^[\W_]*(?:sign\s+up|subscribe|log\s*in\s+to|already\s+(?:a\s+subscriber|have\s+an\s+account)"
    r"|to\s+view\s+the\s+full|join\s+(?:our|us|the\s+(?:conversation|discussion|newsletter))"
    r"|follow\s+(?:us|our|@|\w+\s+on\s)|get\s+(?:our|the\s+(?:latest|best|newsletter)|notified)"
    r"|for\s+the\s+latest|download\s+(?:our|the)\s|share\s+(?:this|on|via|article)|like\s+us|print\s+this"
    r"|click\s+(?:here|to)|want\s+more|stay\s+(?:up|informed|connected|in\s+the\s+loop)|enter\s+your\s+e"
    r"|this\s+(?:article|post|page|site)\s+(?:may\s+contain|contains)\s|advert(?:isement|ising)?\b"
    r"|sponsored|affiliate\s+disclosure|leave\s+a\s+(?:comment|reply)|no\s+comments?|\d+\s+(?:comments?"
    r"|kommentare?|commentaires?|comentarios?)$|comments?\s*(?:\(\d+\))?$|view\s+comments|submit\s+your"
    r"|by\s+(?:signing|subscribing|submitting)|thank\s+you\s+for\s+(?:subscribing|signing)"
    r"|you\s+can\s+unsubscribe|\*?\s*to\s+unsubscribe|table\s+of\s+contents$|contents$|back\s+to\s+top"
    r"|skip\s+to|if\s+you\s+enjoyed|while\s+you\s+are\s+here|all\s+rights\s+reserved|hit\s+enter|loading)"
    r"|^[\W_]*(?:jetzt\s+(?:abonnieren|anmelden|testen|newsletter)|newsletter|abonnieren|anzeige$|werbung$"
    r"|teilen$|kommentare?$|keine\s+kommentare|inhaltsverzeichnis$|folgen?\s+sie\s+uns|liken\s+sie"
    r"|klicken?\s+sie|hinterlasse|schreibe\s+einen\s+kommentar|du\s+m[üu]sst\s+ein|inscri(?:vez|ption"
    r"|bete)|abonnez|je\s+m.abonne|partager|suscr[íi]b|s[íi]guenos|s[íi]ganos|reg[íi]strate|[úu]nete"
    r"|compart(?:ir|e|ilh)|inscreva|assine|siga\s+(?:a|o|nos)|iscriviti|segui(?:ci)?\s|condividi|subskryb"
    r"|zapisz\s+si|zapraszamy|udost[ęe]pnij|reklama$|publicidad$|publicit[ée]$|pubblicit"
    r"|ten\s+tekst\s+przeczytasz)",
    re.IGNORECASE,
)
_READING_TIME = re.compile(
    r"^[\W_]*(?:\d{1,3}\s*[- ]?\s*(?:min(?:ute)?s?|minuten|minuti|minutos)\b.{0,25}$|(?:reading\s+time"
    r"|lesezeit|lesedauer|temps\s+de\s+lecture|estimated|tiempo\s+de\s+lectura)\b.{0,30}$)",
    re.IGNORECASE,
)
_DATE_LINE = re.compile(
    r"^[\W_]*(?:(?:published|posted|updated|last\s+(?:updated|modified|reviewed)|date|datum|stand"
    r"|ver[öo]ffentlicht|aktualisiert|erstellt|publi[ée]|mis\s+[àa]\s+jour|publicado|actualizado"
    r"|pubblicato|opublikowano)\b.{0,70}"
    r"|(?:\w{2,10}[,.]?\s+)?\d{1,2}(?:\.|st|nd|rd|th)?\s+\w{3,10}\.?,?\s+(?:19|20)\d{2}.{0,25}"
    r"|\w{3,10}\.?\s+\d{1,2},?\s+(?:19|20)\d{2}.{0,25}|\d{1,4}[./-]\d{1,2}[./-]\d{1,4}.{0,25}"
    r"|\w{3}\s+\d{1,2})$",
    re.IGNORECASE,
)
_BYLINE = re.compile(
    r"^(?:[\W_]*(?:by|von|par|por|di|door|av|przez|text|autor(?:in)?|author|written\s+by|reviewed\s+by"
    r"|fact[- ]checked\s+by|medically\s+reviewed)\b[:\s])",
    re.IGNORECASE,
)
# A heading that opens the part of a page that leads elsewhere; only looked for in the last third of a text.
_TAIL = re.compile(
    r"^[\W_]*(?:related\s+(?:articles?|posts?|stories|news|content|reading|topics?|links?|resources?)"
    r"|(?:you\s+(?:may|might)\s+also\s+(?:like|enjoy|be)).{0,30}|more\s+(?:from|stories|news|articles"
    r"|posts|like\s+this).{0,40}|recommended\s+(?:for\s+you|reading|articles|posts|stories)|read\s+(?:next"
    r"|more|also)|about\s+the\s+(?:authors?|writer)|about\s+author|author\s+bio|leave\s+a\s+(?:reply"
    r"|comment).{0,20}|share\s+this.{0,20}|comments?|(?:most|latest)\s+(?:popular|read|news|posts|stories"
    r"|articles)|popular\s+posts|recent\s+posts|subscribe.{0,60}|join\s+(?:our|the)\s+newsletter.{0,30}"
    r"|sign\s+up\s+for.{0,50}|follow\s+us.{0,30}|tags?|categories|filed\s+under.{0,60}"
    r"|weitere\s+(?:artikel|themen|beitr[äa]ge|meldungen|nachrichten).{0,30}|mehr\s+zum\s+thema.{0,30}"
    r"|das\s+k[öo]nnte\s+(?:sie|dich).{0,40}|auch\s+interessant|[üu]ber\s+(?:den|die)\s+autor.{0,20}|(?:ä"
    r"|ae)hnliche\s+(?:artikel|beitr[äa]ge)|verwandte\s+(?:artikel|themen|beitr[äa]ge)|schlagw[öo]rter"
    r"|meistgelesen.{0,30}|schon\s+gelesen|top-themen.{0,30}|beitr[äa]ge\s+aus\s+dem\s+forum|kommentare?"
    r"|(?:à|a)\s+lire\s+(?:aussi|également).{0,20}|sur\s+le\s+m[êe]me\s+(?:sujet|th[èe]me)"
    r"|articles?\s+(?:li[ée]s|similaires)|notas?\s+relacionadas?|noticias?\s+relacionadas?"
    r"|art[íi]culos?\s+relacionados?|te\s+puede\s+interesar|le\s+puede\s+interesar|m[áa]s\s+(?:noticias"
    r"|le[íi]d[oa]s).{0,20}|leia\s+tamb[ée]m|veja\s+tamb[ée]m|leggi\s+anche|articoli\s+correlati"
    r"|czytaj\s+(?:te[żz]|tak[żz]e|r[óo]wnie[żz])|polecamy|zobacz\s+(?:te[żz]|tak[żz]e)|lees\s+ook"
    r"|meer\s+lezen)[\s:.…!?»>→]*$",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?…。！？][\"'”’»)\]]*\s*$")


def clean_text(text: str, *, headline: str | None = None, authors: Sequence[str] = ()) -> str:
    """Return an extracted text without the lines that are not of the article, one paragraph a line.

    Args:
        text: paragraphs, one a line.
        headline: the page's headline; where it opens the text it is dropped, as it has a column of its own.
        authors: names of the writers; a line at the head that says little else is dropped.
    """
    lines = [stripped for line in text.splitlines() if (stripped := tidy_line(line))]
    lines = _without_tail(_without_head(lines, headline, authors))
    return "\n".join(line for line in lines if not _is_furniture(line))


def tidy_line(line: str) -> str:
    """Return a line without stray spaces and the bars that empty table cells leave; empty where nothing is left."""
    line = " ".join(line.split())
    return "" if not any(letter.isalnum() for letter in line) else line


def _without_head(lines: list[str], headline: str | None, authors: Sequence[str]) -> list[str]:
    """Drop headline, byline, date and reading time from the first lines."""
    key = _key(headline or "")
    names = [_key(name) for name in authors]
    head = [line for line in lines[:_TOP_LINES] if not _opens_page(line, key, names)]
    return [*head, *lines[_TOP_LINES:]]


def _opens_page(line: str, headline: str, names: list[str]) -> bool:
    key = _key(line)
    if headline and key == headline:
        return True
    if len(line) > 100 or _SENTENCE_END.search(line):
        return False
    named = any(name and name in key and len(key) <= len(name) + 40 for name in names)
    return named or bool(_DATE_LINE.match(line) or _READING_TIME.match(line) or _BYLINE.match(line))


def _without_tail(lines: list[str]) -> list[str]:
    """Cut the text at a heading such as "Related articles" in its last third, if no prose follows."""
    start = max(3, len(lines) * 2 // 3)
    for place in range(start, len(lines)):
        if _TAIL.match(lines[place]) and len(lines[place]) <= 80:
            return lines[:place]
    return lines


def _is_furniture(line: str) -> bool:
    if len(line) > _SHORT:
        return False
    return bool(_READ_ALSO.match(line) or _CREDIT.match(line) or _INVITATION.match(line) or _READING_TIME.match(line))


def _key(text: str) -> str:
    return " ".join(re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold()))
