"""The concepts of IPTC Media Topics as one table: ids, labels, levels, paths and Wikidata ids.

The vocabulary is the IPTC's (https://iptc.org/standards/media-topics/, CC BY 4.0), release of October 2023.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class MediaTopics:
    """The active concepts, one a place in each column, ordered by id; the 17 top concepts come first."""

    ids: Sequence[str]
    """Such as `medtop:04000000`."""
    labels: Sequence[str]
    """In English."""
    levels: npt.NDArray[np.uint8]
    """1 for top concepts, up to 5."""
    parents: npt.NDArray[np.int16]
    """Place of the concept above; -1 for top concepts."""
    wikidata: Sequence[str | None]
    """Such as `Q2018526`."""

    @cached_property
    def branches(self) -> npt.NDArray[np.intp]:
        """Place of the top concept that each concept belongs to."""
        return np.array([self._places_above(place)[0] for place in range(len(self.ids))])

    @cached_property
    def tops(self) -> npt.NDArray[np.intp]:
        """Places of the top concepts."""
        return np.flatnonzero(self.levels == 1)

    def path(self, place: int) -> list[str]:
        """Return the ids from the top concept down to the one at `place`."""
        return [self.ids[above] for above in self._places_above(place)]

    def _places_above(self, place: int) -> list[int]:
        places = [place]
        while (parent := int(self.parents[places[0]])) >= 0:
            places.insert(0, parent)
        return places
