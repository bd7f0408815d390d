"""Mesos's older pages, which tools and dashboards poll, in its field names."""
