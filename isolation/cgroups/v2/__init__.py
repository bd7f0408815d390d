"""Control groups v2: plain files of one hierarchy."""
