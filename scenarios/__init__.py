"""Describe a car park, run it, judge it, replay it: the verbs and the files of the bench."""
