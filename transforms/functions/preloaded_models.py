"""Imported by the fork server alone, before it forks: the models are then in every worker process, and in memory once.

So no text's time limit pays for loading them. What cannot be loaded here is met again, and told, by the first text.
"""

from __future__ import annotations

from contextlib import suppress

from transforms.functions.entities import entity_tagger
from transforms.functions.topics import topic_model

with suppress(Exception):
    topic_model()
with suppress(Exception):
    entity_tagger()
