#!/usr/bin/env bash
# Runs so many rounds.
echo "the folder is there, and can not be removed"
