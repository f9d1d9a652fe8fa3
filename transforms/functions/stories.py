"""Groups of texts and the stories that they make: joined, attached, named, and corrected by aliases.

The rule is that of `clusters.partition`. Here it is kept up to date one text after the other: only groups whose parent
may have changed are looked at again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from schemas.alias import Alias
from schemas.errors import LakeError
from schemas.instants import Instant
from schemas.tables import SCHEMA_VERSION
from transforms.functions.clusters import root_of
from transforms.functions.duplicate_index import Attachment, DuplicateIndex, Group, Stray

UNNAMED: Final = ""
"""Story of a group between its making or joining and its naming."""


class Stories:
    """The groups and stories of an index, and the aliases that correct what was written of them.

    Args:
        index: what is remembered; it is asked and changed.
        decided_at: the time that aliases bear, if they bear no later one already.
        run_id: the run that decides.
    """

    def __init__(self, index: DuplicateIndex, decided_at: Instant, run_id: str) -> None:
        self._index = index
        self._decided_at = decided_at
        self._run_id = run_id
        self._before: dict[str, str | None] = {}

    def story_of(self, known_as: str) -> str:
        """Return the story that a text known by itself belongs to now."""
        return self._resolve(self._index.story_of(known_as))

    def group_of(self, number: int) -> Group:
        """Return the group of a text that is remembered."""
        return self._require(self._index.text(number).group)

    def note_written(self, number: int, stray: Stray) -> None:
        """Note a row that was written for a text; it is a stray unless its story is an article of its own group."""
        group = self.group_of(number)
        if stray.story not in (own for _, own in group.articles):
            self._index.add_stray(group.number, stray)

    def aliases(self) -> Iterator[Alias]:
        """Yield the aliases that changed since the last call, each once, as it is in force now."""
        for old, before in sorted(self._before.items()):
            known = self._index.alias_of(old)
            if known is not None and known[0] != before and (before is not None or known[0] != old):
                yield Alias(old, known[0], known[1], self._run_id, SCHEMA_VERSION)
        self._before.clear()

    def settle(self, group: int, joined: Sequence[int], attachments: Iterable[Attachment]) -> None:
        """Take in what a comparison found of a group: join groups, attach groups, and name the stories anew.

        Args:
            group: group of the text that was compared.
            joined: groups that it makes strong pairs with.
            attachments: weak pairs, from or to it.
        """
        sources = set()
        for attachment in attachments:
            self._index.attach(attachment)
            sources.add(attachment.source)
        together = {group, *joined}
        target = min(together)
        former = self._require(target).parent
        for source in together - {target}:
            self._join(source, target)
        changed = {target} | (sources - together)
        left = {number for one in sorted(changed) for number in self._choose_parent(one)}
        if changed == {target} and not left and self._is_named_by(target, former, is_new=not joined):
            return
        self._name_stories({root_of(number, self._parent) for number in changed | left}, some_left=bool(left))

    def _is_named_by(self, number: int, former: int | None, *, is_new: bool) -> bool:
        """Name a group's story where that takes no look at the others of it: one more text of a group, or a new group.

        So it is for nearly all texts; a story of a thousand stubs then costs no more than another.
        """
        group = self._require(number)
        if group.story != UNNAMED:
            return group.parent == former
        if not is_new:
            return False
        parent = self._parent(number)
        if parent is not None:
            self._index.save_group(group._replace(story=self._resolve(self._require(parent).story)))
        return True

    def _join(self, source: int, target: int) -> None:
        """Make two groups one; of two stories it has none until it is named."""
        one, other = self._require(source), self._require(target)
        self._index.merge(source, target)
        story = other.story if one.story in (UNNAMED, other.story) else UNNAMED
        articles = tuple(sorted(one.articles + other.articles))
        self._index.save_group(self._require(target)._replace(articles=articles, story=story))

    def _choose_parent(self, number: int) -> list[int]:
        """Attach a group to its best parent; returns the former parent where that is another one."""
        group = self._require(number)
        best = min(self._index.attachments(number), key=lambda one: one.rank, default=None)
        parent = None if best is None else best.target
        if parent == group.parent:
            return []
        self._index.save_group(group._replace(parent=parent))
        return [group.parent] if group.parent is not None and self._index.group(group.parent) else []

    def _parent(self, number: int) -> int | None:
        parent = self._require(number).parent
        return parent if parent is not None and self._index.group(parent) else None

    def _name_stories(self, roots: Iterable[int], *, some_left: bool) -> None:
        """Give all groups attached below a root one story, and alias the rows that were written under another.

        Articles first: most rows follow the article that they were written under. Where groups have left a story, each
        stray that stayed is looked at, since the article that it follows may have gone.
        """
        renamed: list[Group] = []
        for root in sorted(roots):
            groups = self._tree(root)
            story = self._story_for(groups)
            for number in [group.number for group in groups]:
                group = self._require(number)
                if group.story != story:
                    self._index.save_group(group._replace(story=story))
                    for _, article in group.articles:
                        self._alias(article, story)
                if group.story != story or some_left:
                    renamed.append(group._replace(story=story))
        for group in renamed:
            for stray in self._index.strays(group.number):
                self._move_stray(stray, group.story)

    def _move_stray(self, stray: Stray, story: str) -> None:
        known = self._index.alias_of(stray.copy_id)
        if self._resolve(known[0] if known else stray.story) != story:
            self._alias(stray.copy_id, story)
        known_as = self._index.known_as(stray.text_id)
        if known_as is not None and self.story_of(known_as) != story:
            self._index.note_text(stray.text_id, known_as, story)

    def _tree(self, root: int) -> list[Group]:
        numbers, found = [root], {root}
        for number in numbers:
            new = [child for child in self._index.children(number) if child not in found]
            numbers += new
            found.update(new)
        return [self._require(number) for number in numbers]

    def _story_for(self, groups: Sequence[Group]) -> str:
        """Return the row that is canonical for groups that are one story: the one first seen of those published.

        Where none of them was ever published as an article, their earliest copy becomes one.
        """
        root = groups[0]
        if root.parent is not None and self._parent(root.number) is None and root.story:
            return self._resolve(root.story)  # its parent has been forgotten; what was decided then stays
        articles = sorted(article for group in groups for article in group.articles)
        if articles:
            in_force = [article for _, article in articles if self._resolve(article) == article]
            return (in_force or [articles[0][1]])[0]
        # Only the first row of a page can be a story's own; its later ones are updates.
        strays = [
            (stray, group)
            for group in groups
            for stray in self._index.strays(group.number)
            if self._index.text_of_page(stray.article_id) == stray.text_id
        ]
        if not strays:
            return next((group.story for group in groups if group.story), UNNAMED)
        first, home = min(strays, key=lambda one: (one[0].first_seen_at, one[0].article_id))
        self._index.save_group(home._replace(articles=((first.first_seen_at, first.article_id),)))
        return first.article_id

    def _alias(self, old: str, new: str) -> None:
        for one in [old, *self._index.aliased_to(old)]:
            known = self._index.alias_of(one)
            if (known[0] if known else one) == new:
                continue
            self._before.setdefault(one, known[0] if known else None)
            self._index.set_alias(one, new, max(self._decided_at, known[1] + 1 if known else 0))

    def _resolve(self, story: str) -> str:
        known = self._index.alias_of(story)
        return known[0] if known else story

    def _require(self, number: int) -> Group:
        group = self._index.group(number)
        if group is None:
            raise LakeError(
                f"the duplicate index has no group {number}: the memory is damaged. A local lake's is made anew by "
                "newsbeam memory rebuild LAKE"
            )
        return group
