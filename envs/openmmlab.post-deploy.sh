#!/usr/bin/env bash
# What pip would not resolve for openmmlab.yaml: mmpose asks for chumpy, which does not build and which nothing imports;
# xtcocotools' wheels are built against numpy 1. Snakemake runs this once, when it has made the environment.
set -euo pipefail
pip install "cython==3.3.1" "setuptools<81" wheel
pip install --no-deps --no-build-isolation --no-binary xtcocotools "xtcocotools==1.14.3"
pip install --no-deps "mmpose==1.3.2"
