# Everything is installed below this folder: .tools/ (uv, where the machine has none) and .venv/ (newsbeam and its tools).
PYTHON ?= python3
LAKE ?= lake
DATA ?=
READY := .venv/.ready

.PHONY: help run test test-engines faults lint types imports pytest docs models benchmarks clean

help:
	@echo "make run         read seeds/ into $(LAKE)/ and ask it a question"
	@echo "make test        lint, types, import rules and tests"
	@echo "make test-engines tests on Flink and Prism, which are built first where java, mvn and go are (some minutes)"
	@echo "make faults      kill runs, fill disks, move clocks ... in many ways: what was lost or doubled (an hour or two)"
	@echo "make docs        make docs/columns.md and docs/flags.md anew"
	@echo "make benchmarks DATA=FOLDER   measure; see BENCHMARKS.md"
	@echo "make models DATA=FOLDER       make the files of transforms/models/ anew; see the cards in that folder"
	@echo "make clean       remove what make has made"

run: $(READY)
	.venv/bin/newsbeam run --input seeds --output $(LAKE)
	@echo
	@echo "What is in the lake:"
	.venv/bin/newsbeam query --lake $(LAKE) "select source, left(headline, 60) as headline, word_count as words from articles order by source"
	.venv/bin/newsbeam query --lake $(LAKE) "select copies.source, relation, articles.source as copy_of from copies join articles on articles.article_id = duplicate_of order by 1"
	.venv/bin/newsbeam query --lake $(LAKE) "select source, stage, reason from rejects"
	@echo
	@echo "What the stories are about, and whom and what they name most:"
	.venv/bin/newsbeam query --lake $(LAKE) "select left(headline, 60) as headline, name as topic, round(confidence, 2) as confidence from topics where position = 1 order by source"
	.venv/bin/newsbeam query --lake $(LAKE) "select name, type, count(*) as articles, sum(mentions) as mentions, geonames_id from entities group by all order by articles desc, mentions desc limit 8"
	@echo
	@echo "The same as a page, to be opened in a browser:"
	.venv/bin/newsbeam report $(LAKE) --output $(LAKE)/report.html

test: lint types imports pytest

# What is built stays below .tools/engines, and so is built once. An engine without its tools is skipped, with the reason.
test-engines: $(READY)
	.venv/bin/newsbeam engine build
	.venv/bin/pytest tests/engines

# `python -m tests.faults --breaks` shows that its checks find what is built in.
faults: $(READY)
	.venv/bin/python -m tests.faults

lint: $(READY)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

types: $(READY)
	.venv/bin/mypy

imports: $(READY)
	.venv/bin/lint-imports --no-cache

pytest: $(READY)
	.venv/bin/pytest

# Compiled once here, since many machines (containers, above all) keep Python from writing .pyc files: a start then takes twice
# as long.
$(READY): pyproject.toml uv.lock
	@echo "newsbeam: installing into .venv/ (about 1 GB; a minute the first time)"
	@uv="$$($(PYTHON) deploy/local/get_uv.py)" && "$$uv" sync --quiet --frozen --compile-bytecode --python "$$(command -v $(PYTHON))"
	@touch $@

docs: $(READY)
	.venv/bin/python tests/docs/make_docs.py

# In an environment of its own: what trains a model is not needed to run it.
TRAINING := .tools/training/bin/python

$(TRAINING): pyproject.toml uv.lock
	@uv="$$($(PYTHON) deploy/local/get_uv.py)" && UV_PROJECT_ENVIRONMENT=.tools/training \
	    "$$uv" sync --quiet --frozen --group training --python "$$(command -v $(PYTHON))"
	@touch $@

# Beam's parts for Google Cloud, with which jobs for Dataflow are translated (tests/engines/ asks for it).
GCP := .tools/gcp/.ready

$(GCP): pyproject.toml uv.lock
	@uv="$$($(PYTHON) deploy/local/get_uv.py)" && UV_PROJECT_ENVIRONMENT=.tools/gcp \
	    "$$uv" sync --quiet --frozen --no-dev --extra gcp --group cloud --compile-bytecode --python "$$(command -v $(PYTHON))"
	@touch $@

models: $(TRAINING)
	@test -n "$(DATA)" || { echo "make models DATA=FOLDER: the folder of development data"; exit 2; }
	$(TRAINING) -m transforms.training.extract_places
	OPENBLAS_NUM_THREADS=1 $(TRAINING) -m transforms.training.train_names $(DATA)
	OPENBLAS_NUM_THREADS=1 $(TRAINING) -m transforms.training.train_topics $(DATA)

benchmarks: $(READY) $(TRAINING)
	@test -n "$(DATA)" || { echo "make benchmarks DATA=FOLDER: the folder of development data"; exit 2; }
	.venv/bin/python tests/benchmarks/extraction.py $(DATA)
	.venv/bin/python tests/benchmarks/urls.py $(DATA)
	.venv/bin/python tests/benchmarks/throughput.py $(DATA)
	.venv/bin/python tests/benchmarks/memory.py
	.venv/bin/python tests/benchmarks/duplicates.py $(DATA)
	.venv/bin/python tests/benchmarks/duplicates_scale.py --data $(DATA)
	.venv/bin/python tests/benchmarks/feeds.py $(DATA)
	.venv/bin/python tests/benchmarks/day_of_feeds.py
	.venv/bin/python tests/benchmarks/day_of_feeds.py --breaks
	.venv/bin/python tests/benchmarks/polling.py $(DATA)
	$(TRAINING) tests/benchmarks/topics.py $(DATA)
	.venv/bin/python tests/benchmarks/entities.py $(DATA)
	.venv/bin/python tests/benchmarks/tags.py $(DATA)
	.venv/bin/python tests/benchmarks/watched_run.py
	.venv/bin/python tests/benchmarks/flink_live.py
	.venv/bin/python tests/benchmarks/flink_live.py --minutes 13 --kills 20 --upgrade --hosts 16 --feeds 90 --untroubled
	.venv/bin/python tests/benchmarks/flink_state.py
	.venv/bin/python tests/benchmarks/report.py

clean:
	rm -rf .venv .tools
