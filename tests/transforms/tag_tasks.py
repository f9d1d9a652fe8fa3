"""What tests of tagging have done in worker processes: a stand-in for the models, where a text says what happens."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

from schemas.errors import ModelError
from schemas.topic import Topic
from transforms.functions.tagging import Text


def tag(texts: Sequence[Text]) -> list[tuple[list[Topic], str]]:
    bodies = [text.body for text in texts]
    if any("hang" in body for body in bodies):
        time.sleep(60)
    if any("die" in body for body in bodies):
        os._exit(3)
    if any("model" in body for body in bodies):
        raise ModelError("the model's file is gone: install newsbeam again")
    if any("raise" in body for body in bodies):
        raise ValueError("odd text")
    return [([Topic(body[:20], f"of {len(texts)}", 1.0, 1, "test")], "ok") for body in bodies]
