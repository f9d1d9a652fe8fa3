# Everything is installed below this folder: .tools/ (uv, where the machine has none) and .venv/ (newsbeam and its tools).
PYTHON ?= python3
LAKE ?= lake
DATA ?=
READY := .venv/.ready

.PHONY: help run test lint types imports pytest benchmarks clean

help:
	@echo "make run         read seeds/ into $(LAKE)/ and ask it a question"
	@echo "make test        lint, types, import rules and tests"
	@echo "make benchmarks DATA=FOLDER   measure; see BENCHMARKS.md"
	@echo "make clean       remove what make has made"

run: $(READY)
	.venv/bin/newsbeam run --input seeds --output $(LAKE)
	@echo
	@echo "What is in the lake:"
	.venv/bin/newsbeam query --lake $(LAKE) "select source, left(headline, 60) as headline, word_count as words from articles order by source"
	.venv/bin/newsbeam query --lake $(LAKE) "select copies.source, relation, articles.source as copy_of from copies join articles on articles.article_id = duplicate_of order by 1"
	.venv/bin/newsbeam query --lake $(LAKE) "select source, stage, reason from rejects"

test: lint types imports pytest

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
	@echo "newsbeam: installing into .venv/ (about 700 MB; a minute the first time)"
	@uv="$$($(PYTHON) deploy/local/get_uv.py)" && "$$uv" sync --quiet --frozen --compile-bytecode --python "$$(command -v $(PYTHON))"
	@touch $@

benchmarks: $(READY)
	@test -n "$(DATA)" || { echo "make benchmarks DATA=FOLDER: the folder of development data"; exit 2; }
	.venv/bin/python tests/benchmarks/extraction.py $(DATA)
	.venv/bin/python tests/benchmarks/urls.py $(DATA)
	.venv/bin/python tests/benchmarks/throughput.py $(DATA)
	.venv/bin/python tests/benchmarks/memory.py
	.venv/bin/python tests/benchmarks/duplicates.py $(DATA)
	.venv/bin/python tests/benchmarks/duplicates_scale.py --data $(DATA)

clean:
	rm -rf .venv .tools
