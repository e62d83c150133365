# Everything runs in .venv, which is made anew when pyproject.toml changes.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo install test lint docs pictures clean

demo: install
	$(BIN)/kinodex demo

install: .venv/.installed

test: lint
	$(BIN)/pytest

lint: .venv/.developing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint docker/Dockerfile
	$(BIN)/yamllint --strict --config-data relaxed docker

docs: .venv/.developing
	$(BIN)/typer ui.cli.main utils docs --name kinodex --output docs/commands.md

pictures: .venv/.developing
	$(BIN)/python -m benchmarks.screenshots

clean:
	rm -rf .venv build *.egg-info

.venv/.installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable '.[imagenet,photographs]'
	touch $@

.venv/.developing: .venv/.installed
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $@
