# Both commands do all their set-up: a fresh machine needs Python 3.11 or newer and make, no root, no ffmpeg.
#   make demo   runs the main job on samples/ into out/
#   make test   checks and tests everything
#   make test-fast   the quick tests alone: under a minute on two cores
#   make ray    adds what --engine ray and s3:// addresses need
#   make bench, make bench-quick   measure speed
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
OUT ?= out

.PHONY: demo test test-fast check bench bench-quick install install-dev ray samples clean

# The small networks: quick on a CPU, some 85 MB to fetch in all. Of the two Whispers that a package index has, tiny.en
# makes fewer errors on the samples than base (python -m benchmarks.words).
DEMO := --face-detector yunet --speaker-model lr-asd --whisper-model-size tiny.en

demo: install
	$(BIN)/python optimized_runner.py samples --output-dir $(OUT) $(DEMO)
	@echo
	@echo "Open $(OUT)/index.html: every video, and all that is said in it. Clips and manifests: $(OUT)/<video>/output/"

# Clusters and browsers take the whole machine: those tests come one after the other.
ALONE := ray or browser or slurm

test: install-dev check
	$(BIN)/python -m pytest -n auto --maxprocesses 4 -m 'not ($(ALONE))'
	$(BIN)/python -m pytest -m '$(ALONE)'

test-fast: install-dev
	$(BIN)/python -m pytest -n auto --maxprocesses 8 -m 'not (slow or $(ALONE))'

check: install-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

# WEIGHTS holds the files of YuNet and LR-ASD; FOOTAGE the talking heads that added_costs composes.
WEIGHTS ?= ../shared/weights
FOOTAGE ?= ../shared/videos

bench: install-dev
	$(BIN)/python -m benchmarks.decode
	$(BIN)/python -m benchmarks.clips
	$(BIN)/python -m benchmarks.end_to_end --weights-dir $(WEIGHTS)
	$(BIN)/python -m benchmarks.baseline --weights-dir $(WEIGHTS)
	$(BIN)/python -m benchmarks.baseline --weights-dir $(WEIGHTS) --stages-only --face-detector s3fd \
	  --speaker-model talknet --videos 1
	$(BIN)/python -m benchmarks.added_costs --weights-dir $(WEIGHTS) --footage $(FOOTAGE)
	$(BIN)/python -m benchmarks.speech

bench-quick: install-dev
	$(BIN)/python -m benchmarks.quick --weights-dir $(WEIGHTS)

install: $(VENV)/.installed
install-dev: $(VENV)/.installed-dev
ray: $(VENV)/.installed-ray

$(VENV)/.installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed, and $(PYTHON) is older. Name another: make PYTHON=python3.12 ..." >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	@echo "Installing the packages of requirements.txt into $(VENV) (about 6 GB with the CUDA libraries of PyTorch)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@$(MAKE) --no-print-directory opencv
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt requirements-ray.txt requirements-samples.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-samples.txt
	@touch $@

$(VENV)/.installed-ray: $(VENV)/.installed requirements-ray.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-ray.txt
	@touch $@

# opencv-python needs libGL and glib of the system. Where they are missing, the headless build of the same version
# takes its place: the two must never be installed together.
.PHONY: opencv
opencv:
	@if ! $(BIN)/python -c 'import cv2' 2>/dev/null; then \
	  version=$$($(BIN)/python -m pip show opencv-python 2>/dev/null | sed -n 's/^Version: //p'); \
	  echo "opencv-python cannot be loaded here (libGL or glib of the system is missing): opencv-python-headless $$version takes its place"; \
	  $(BIN)/python -m pip uninstall --quiet --yes opencv-python opencv-python-headless; \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check opencv-python-headless==$$version; \
	  $(BIN)/python -c 'import cv2'; \
	fi

samples: install-dev
	$(BIN)/python -m samples.generate

clean:
	rm -rf $(VENV) $(OUT) .pytest_cache .ruff_cache .hypothesis
