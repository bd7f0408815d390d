"""Control groups v1, through cgroupspy."""
