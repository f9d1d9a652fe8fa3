from __future__ import annotations

import pytest

from schemas.errors import ModelError
from transforms.functions import gazetteer as gazetteer_module
from transforms.functions.gazetteer import fold_name, gazetteer
from transforms.functions.model_files import read_pinned
from transforms.functions.name_classifier import PLACE, Named
from transforms.functions.place_links import Link, link_places


def linked(text: str, *names: str) -> dict[str, Link]:
    """Link the names, marked where they stand first."""
    spans = sorted(Named(text.index(name), text.index(name) + len(name), PLACE) for name in names)
    return link_places(text, spans)


def taken(text: str, *names: str) -> list[tuple[str, str | None, str] | None]:
    links = linked(text, *names)
    return [(place.name, place.country, place.kind) if (place := links[name].place) else None for name in names]


@pytest.mark.parametrize(
    ("text", "name", "place"),
    [
        ("They met in Washington.", "Washington", ("Washington", "US", "capital")),
        ("Voters in Washington state", "Washington", ("Washington", "US", "state")),
        ("They met in Georgia.", "Georgia", ("Georgia", "GE", "country")),
        ("They met in Singapore.", "Singapore", ("Singapore", "SG", "country")),
        ("They met in New York.", "New York", ("New York City", "US", "city")),
        ("They met in Paris.", "Paris", ("Paris", "FR", "capital")),
        ("They met in Zurich.", "Zurich", ("Zürich", "CH", "city")),
        ("They met in Kiev.", "Kiev", ("Kyiv", "UA", "capital")),
        ("They met in Burma.", "Burma", ("Myanmar", "MM", "country")),
        ("They met in Europe.", "Europe", ("Europe", None, "continent")),
        ("A Canadian court in London", "London", ("London", "GB", "capital")),
        ("An American court in Cambridge", "Cambridge", ("Cambridge", "US", "city")),
        ("A British court in Cambridge", "Cambridge", ("Cambridge", "GB", "city")),
        ("An American envoy in Geneva", "Geneva", ("Geneva", "CH", "city")),
        ("An American court in Birmingham", "Birmingham", ("Birmingham", "US", "city")),
        ("A Spanish court in Cordoba", "Cordoba", ("Córdoba", "ES", "city")),
        ("A fire in Suffolk", "Suffolk", None),
        ("An American fire in Suffolk", "Suffolk", ("Suffolk", "US", "city")),
        ("They met in Tarnmoor.", "Tarnmoor", None),
    ],
)
def test_a_place_is_what_the_text_makes_of_it(text: str, name: str, place: tuple[str, str, str] | None) -> None:
    assert taken(text, name) == [place]


def test_other_places_decide() -> None:
    assert taken("Voters in Georgia and Ohio", "Georgia", "Ohio")[0] == ("Georgia", "US", "state")
    assert taken("Talks in Georgia after Tbilisi fell", "Georgia", "Tbilisi")[0] == ("Georgia", "GE", "country")
    assert taken("From Seattle to all of Washington", "Seattle", "Washington")[1] == ("Washington", "US", "state")
    assert taken("A fire in Paris, Texas", "Paris", "Texas")[0] == ("Paris", "US", "city")
    assert taken("A fire in Portland, Maine", "Portland", "Maine")[0] == ("Portland", "US", "city")
    [portland] = [linked("A fire in Portland, Maine", "Portland", "Maine")["Portland"].place]
    assert portland is not None
    assert portland.region == "ME"


def test_a_link_says_why() -> None:
    link = linked("A Swiss court in Geneva", "Geneva")["Geneva"]
    assert [place.country for place in link.considered] == ["CH", "US"]
    assert link.why == "the text also names Swiss"
    assert linked("in Tarnmoor", "Tarnmoor")["Tarnmoor"] == Link(None, (), "no place of this name is known")


@pytest.mark.parametrize("name", ["US", "U.S.", "USA", "the United States", "America", "UNITED STATES"])
def test_a_country_has_many_names(name: str) -> None:
    assert gazetteer().places(name)[0].geonames_id == 6252001


def test_abbreviations_keep_their_case() -> None:
    assert not gazetteer().places("us")
    assert not gazetteer().places("La")
    assert gazetteer().places("LA")[0].name == "Los Angeles"


def test_demonyms_know_their_country() -> None:
    known = gazetteer()
    assert [known.country_of_demonym(word) for word in ("Chinese", "Germans", "Swiss", "Frenchmen", "Texan")] == [
        "CN", "DE", "CH", None, None,
    ]  # fmt: skip


def test_names_are_folded() -> None:
    assert fold_name("The  São\u00a0Paulo,") == "sao paulo"
    assert fold_name("N’Djamena") == "n'djamena"


def test_another_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gazetteer_module, "SHA256", "0" * 64)
    with pytest.raises(ModelError, match="has SHA-256"):
        gazetteer.__wrapped__()
    with pytest.raises(ModelError, match="cannot be read"):
        read_pinned("nowhere.npz", "0" * 64)
