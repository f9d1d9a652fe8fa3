"""What a stream's stages do in time, on Prism too: late, repeated and out-of-order rows, jumps, expiry.

The tests are those of `make test`, where Beam's own runner for streams of a test's making runs them.
"""

from __future__ import annotations

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from tests import beam_rows
from tests.transforms.test_deduplicate_stream import (  # noqa: F401  (run here again)
    test_a_late_document_and_a_jump_of_the_watermark_lose_nothing,
    test_a_stream_in_any_order_makes_the_stories_of_all_pairs_at_once,
    test_after_72_hours_of_the_watermark_a_text_is_forgotten_and_not_before,
    test_an_update_of_a_page_whose_text_was_forgotten_is_a_row_all_the_same,
)
from tests.transforms.test_take_once import (  # noqa: F401
    test_a_key_is_forgotten_when_it_has_not_come_for_so_long_and_not_before,
    test_of_rows_with_one_key_the_first_is_kept,
)
from tests.transforms.test_write_stream import (  # noqa: F401
    test_a_batch_ends_when_it_is_full,
    test_the_end_of_the_stream_ends_the_last_batch,
)


@pytest.fixture(autouse=True)
def on_prism(prism_options: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    options = [*prism_options, "--streaming", "--environment_type=LOOPBACK"]
    monkeypatch.setattr(beam_rows, "stream_pipeline", lambda: beam.Pipeline(options=PipelineOptions(options)))
