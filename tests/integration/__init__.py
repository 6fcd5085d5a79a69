"""Tests of the whole worker against real servers."""
