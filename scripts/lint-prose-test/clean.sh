#!/usr/bin/env bash
# Runs that many rounds.
echo "the directory is there" # and cannot be removed
