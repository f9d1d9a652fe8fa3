import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.functions.plain_text import LEAD_LIMIT, read_plain_text

SEEDS = Path(__file__).parents[3] / "seeds"
BODY = (
    "The strike in the harbour is over after five weeks, both sides said on Monday evening in a joint statement.\n"
    "The first boats sail on Friday."
)


def seed(pattern: str) -> str:
    [path] = SEEDS.glob(pattern)
    return path.read_text(encoding="utf-8")


def test_first_seed_has_neither_headline_nor_dateline() -> None:
    found = read_plain_text(seed("000_*.txt"))
    assert (found.headline_source, found.dateline, found.byline, found.authors) == ("lead", None, None, ())
    assert found.headline is not None
    assert found.headline.startswith("Treasury Secretary Scott Bessent announced Sunday")
    assert found.headline.endswith("…")
    assert found.text == seed("000_*.txt")


def test_second_seed_has_the_dateline_geneva() -> None:
    found = read_plain_text(seed("001_*.txt"))
    assert (found.headline_source, found.dateline) == ("lead", "Geneva")
    assert found.headline is not None
    assert found.headline.startswith("The United States and China have reached")
    assert found.text.startswith("Geneva: The United States")


def test_the_wire_seed_has_them_all() -> None:
    found = read_plain_text(seed("wire/northern-ledger.txt"))
    assert found.headline == "Strike over: Port Alder ferries to sail again on Friday"
    assert found.headline_source == "text"
    assert found.byline == "By Jonna Pellworth, Meridian Wire"
    assert found.authors == ("Jonna Pellworth",)
    assert found.dateline == "PORT ALDER (Meridian Wire)"
    assert found.text.startswith("PORT ALDER (Meridian Wire) - Ferry crews")


@pytest.mark.parametrize(
    "line",
    [
        "Strike ends in Port Alder",
        "STRIKE ENDS IN PORT ALDER",
        "Will the strike end?",
        "Strike ends: boats back on Friday",
        "Port Alder signs deal with the U.S.",
        "“Nobody got everything”",
        "港口城市渡轮罢工结束",
    ],
)
@pytest.mark.parametrize("gap", ["\n\n", "\n", "\n\nBy Jane Doe\n\n", "\nPORT ALDER (AP) - "])
def test_a_first_line_that_is_a_headline(line: str, gap: str) -> None:
    found = read_plain_text(line + gap + BODY)
    assert (found.headline, found.headline_source) == (line, "text")
    assert line not in found.text
    assert found.text.endswith(BODY)


@pytest.mark.parametrize(
    "first",
    [
        "The strike is over.",
        "The strike in the harbour of Port Alder, which had lasted for five weeks, is over, both sides said on "
        "Monday evening after talks that had lasted for nineteen hours",
        "The strike is over,",
        "PORT ALDER (AP) - Short news",
        "Print",
        "Published 23 minutes ago",
        "7:04 p.m., Monday, March 3",
    ],
)
def test_a_first_line_that_is_none(first: str) -> None:
    found = read_plain_text(first + "\n\n" + BODY)
    assert found.headline_source == "lead"
    assert found.text.startswith(first)


def test_a_single_line_is_text_not_headline() -> None:
    found = read_plain_text("Strike ends in Port Alder")
    assert (found.headline, found.headline_source, found.text) == ("Strike ends in Port Alder", "lead", found.headline)


def test_a_blank_line_sets_a_headline_off_from_the_shortest_text() -> None:
    found = read_plain_text("Strike ends in Port Alder\n\nBoats sail on Friday.")
    assert (found.headline, found.text) == ("Strike ends in Port Alder", "Boats sail on Friday.")


def test_a_headline_in_capitals_is_no_dateline() -> None:
    line = "PORT ALDER — FERRY CREWS END STRIKE AFTER FIVE WEEKS AND A NIGHT OF TALKS WITH THE MINISTER"
    found = read_plain_text(f"{line}\n\n{BODY}")
    assert (found.headline, found.headline_source, found.dateline) == (line, "text", None)


def test_headline_and_byline_alone_stay_text() -> None:
    found = read_plain_text("Strike ends in Port Alder\n\nBy Jane Doe")
    assert found.headline_source == "lead"
    assert found.text == "Strike ends in Port Alder\n\nBy Jane Doe"


def test_nothing_gives_nothing() -> None:
    found = read_plain_text(" \n\x00\n")
    assert (found.headline, found.headline_source, found.byline, found.dateline, found.text) == (None,) * 4 + ("",)


def test_the_lead_is_the_first_sentence() -> None:
    assert (
        read_plain_text("Mr. J. Doe of the U.S. Navy left. He returned.").headline
        == "Mr. J. Doe of the U.S. Navy left."
    )
    assert read_plain_text("“We won.” That was all.").headline == "“We won.”"
    assert read_plain_text("双方宣布罢工结束。渡轮周五恢复。").headline == "双方宣布罢工结束。"


@pytest.mark.parametrize(
    ("line", "authors"),
    [
        ("By Jane Doe", ("Jane Doe",)),
        ("BY JANE DOE", ("JANE DOE",)),
        ("By Jane Doe and John Roe, Reuters", ("Jane Doe", "John Roe")),
        ("By Jane Doe, Ann Cole and Lee Marsh, Meridian Wire", ("Jane Doe", "Ann Cole", "Lee Marsh")),
        ("By Jane Doe, Laredo Gazette Staff", ("Jane Doe",)),
        ("By Jane Doe and John Roe, Port Alder", ("Jane Doe", "John Roe")),
        ("By J. R. van der Berg | July 15, 2018 3:21 PM EDT", ("J. R. van der Berg",)),
        ("By Jane Doe - The Weekly Post - Sunday, July 15, 2018", ("Jane Doe",)),
        ("By Jane Doe July 16 at 4:59 AM", ("Jane Doe",)),
        ("Analysis by Jane O'Neill-Roe, CNN", ("Jane O'Neill-Roe",)),
        ("Von Anna Müller", ("Anna Müller",)),
        ("Von Anna Müller und Jörg Weiß, dpa", ("Anna Müller", "Jörg Weiß")),
        ("Par Jean-Luc Renard et Anne de La Tour, AFP", ("Jean-Luc Renard", "Anne de La Tour")),
        ("Por María López y José Núñez", ("María López", "José Núñez")),
    ],
)
def test_bylines_name_their_authors(line: str, authors: tuple[str, ...]) -> None:
    for text in (f"Strike ends in Port Alder\n\n{line}\n\n{BODY}", f"Strike ends in Port Alder\n{line}\n{BODY}"):
        found = read_plain_text(text)
        assert (found.byline, found.authors) == (line, authors)
        assert found.headline == "Strike ends in Port Alder"
        assert found.text == BODY


@pytest.mark.parametrize(
    "line",
    [
        "By Monday night the water had gone.",
        "By Monday Night",
        "By the sea",
        "By Reuters Staff",
        "By 2030, all boats will be electric",
        "Bye Bye Birdie",
        "Von der Leyen in Port Alder",
        "Bystander Jane Doe",
    ],
)
def test_lines_that_are_no_byline(line: str) -> None:
    found = read_plain_text(f"Strike ends in Port Alder\n\n{line}\n\n{BODY}")
    assert (found.byline, found.authors) == (None, ())
    assert line in found.text


def test_a_byline_far_down_is_text() -> None:
    text = "Strike ends in Port Alder\n\n" + "\n".join([BODY] * 5) + "\nBy Jane Doe\nThe end of it all."
    assert read_plain_text(text).byline is None


@pytest.mark.parametrize(
    ("opening", "dateline"),
    [
        ("GENEVA (Reuters) - ", "GENEVA (Reuters)"),
        ("GENEVA, May 11 (AP) — ", "GENEVA, May 11 (AP)"),
        ("Geneva: ", "Geneva"),
        ("New Delhi: ", "New Delhi"),
        ("WASHINGTON — ", "WASHINGTON"),
        ("BERLIN (dpa) - ", "BERLIN (dpa)"),
        ("Berlin, 11. Mai (dpa) – ", "Berlin, 11. Mai (dpa)"),
        ("TOKYO, March 30 - ", "TOKYO, March 30"),
        ("GLASGOW, Scotland (AP) — ", "GLASGOW, Scotland (AP)"),
        ("WASHINGTON/BEIJING (Reuters) - ", "WASHINGTON/BEIJING (Reuters)"),
        ("BEIJING, May 11 (Xinhua) -- ", "BEIJING, May 11 (Xinhua)"),
        ("ST. LOUIS, Mo. — ", "ST. LOUIS, Mo."),
        ("N'DJAMENA, Chad (AP) — ", "N'DJAMENA, Chad (AP)"),
        ("THE HAGUE, June 18 - ", "THE HAGUE, June 18"),
        ("Rio de Janeiro (AFP) - ", "Rio de Janeiro (AFP)"),
        ("MOSCOW. May 11 (Interfax) - ", "MOSCOW. May 11 (Interfax)"),
    ],
)
@pytest.mark.parametrize("before", ["", "Strike ends in Port Alder\n\n", "Strike ends in Port Alder\nBy Jane Doe\n"])
def test_datelines(before: str, opening: str, dateline: str) -> None:
    found = read_plain_text(before + opening + BODY)
    assert found.dateline == dateline
    assert found.text == (opening + BODY), "the dateline is part of its sentence"
    if not before:
        assert found.headline_source == "lead"
        assert found.headline is not None
        assert found.headline.startswith("The strike")


@pytest.mark.parametrize(
    "opening",
    [
        "Breaking: ",
        "Analysis: ",
        "OPINION — ",
        "Editor's note: ",
        "Updated: ",
        "EXCLUSIVE: ",
        'Tolliver: "',
        "“Nobody got everything”: ",
        "“We won” — ",
        "The chairman — a sailor himself — said: ",
        "Jane Doe (42) - ",
        "It is over: ",
        "(Reuters) - ",
        "UNESCO — the culture body — said so. ",
        "Football: ",
    ],
)
def test_openings_that_are_no_dateline(opening: str) -> None:
    assert read_plain_text(opening + BODY).dateline is None


def test_speakers_are_no_places() -> None:
    long = "I think that the strike in the harbour will be over when both sides have slept for more than a night."
    assert read_plain_text(f"Tolliver: {long}\nAskeland: {long}\nTolliver: {long}").dateline is None


ODD = st.text(
    alphabet=st.one_of(st.sampled_from("By Von ABC,.:;-–—()|'’\"\n\n\t  é漢\ud800"), st.characters()), max_size=300
)


@given(st.one_of(st.text(), ODD))
def test_any_str_is_taken_and_no_text_is_lost(text: str) -> None:
    found = read_plain_text(text)
    for part in (found.headline, found.byline, found.dateline, found.text):
        (part or "").encode("utf-8")
    if found.headline_source == "lead":
        assert found.headline
        assert len(found.headline) <= LEAD_LIMIT
    assert (found.headline is None) == (not found.text)
    assert found.dateline is None or found.dateline in found.text


@pytest.mark.parametrize(
    "unit",
    [
        "A",
        "A ",
        "-",
        "'",
        "A.",
        "a\n",
        "By A B, ",
        "By A B and ",
        "PORT ",
        "PORT, ",
        "A: ",
        "A (",
        ". ",
        "\n",
        "— ",
        "1:1",
    ],
)
def test_time_grows_with_the_text(unit: str) -> None:
    def spent(size: int) -> float:
        text = (unit * size)[:size]
        began = time.perf_counter()
        read_plain_text(text)
        read_plain_text("Strike ends in Port Alder\n" + text)
        read_plain_text("Contents" + text)  # as in "Contents ........ 5"
        return time.perf_counter() - began

    small, large = (min(spent(size) for _ in range(3)) for size in (20_000, 200_000))
    assert large < 60 * small + 0.05
